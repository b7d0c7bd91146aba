/** scimd healthcheck: for container engines and scripts, whether a server is ready. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { exitStatus, type Invocation } from './command.ts';

const timeout = 5000;

export async function healthcheck({ operand, settings, json, terminal }: Invocation): Promise<number> {
  const url = readyUrl(operand, settings);
  let status: number;
  let text: string;
  try {
    ({ status, text } = await get(url, operand === undefined));
  } catch (error) {
    throw new CommandError(
      `${url} does not answer: ${(error as Error).message}`,
      'Is the server running, and is this its address?',
      { cause: error },
    );
  }
  const ready = status === 200;
  if (json) terminal.print(JSON.stringify({ url: url.href, ready, status }));
  else if (ready) terminal.print('ready');
  else terminal.note(`scimd: not ready: ${status} ${text}`);
  return ready ? exitStatus.done : exitStatus.failed;
}

/** Skips certificate verification for the local server, whose certificate names its public host. */
async function get(url: URL, own: boolean): Promise<{ status: number; text: string }> {
  const options = { signal: AbortSignal.timeout(timeout) };
  const request =
    url.protocol === 'https:'
      ? httpsRequest(url, { ...options, rejectUnauthorized: !own })
      : httpRequest(url, options);
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode ?? 0, text: text.trim().slice(0, 200) };
}

/** The server's own address unless one is given; a server that listens on all addresses is asked on loopback. */
function readyUrl(operand: string | undefined, settings: Invocation['settings']): URL {
  if (operand !== undefined) {
    if (!URL.canParse('/readyz', operand))
      throw new UsageError(`${operand} is not a URL such as http://127.0.0.1:8080`, 'healthcheck');
    return new URL('/readyz', operand);
  }
  const { host, port, tls } = settings().settings;
  if (port === 0)
    throw new UsageError('port 0 is whatever was free: give the URL that the server printed', 'healthcheck');
  const asked = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const scheme = tls.certificateFile === undefined ? 'http' : 'https';
  return new URL(`${scheme}://${asked.includes(':') ? `[${asked}]` : asked}:${port}/readyz`);
}
