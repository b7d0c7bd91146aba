/** scimd healthcheck: for container engines and scripts, whether a server is ready. */
import { CommandError, exitStatus, type Invocation, UsageError } from './command.ts';

const timeout = 5000;

export async function healthcheck({ operand, settings, json, terminal }: Invocation): Promise<number> {
  const url = readyUrl(operand, settings);
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeout), redirect: 'manual' });
    status = response.status;
    text = (await response.text()).trim().slice(0, 200);
  } catch (error) {
    const cause = (error as { cause?: Error }).cause ?? (error as Error);
    throw new CommandError(
      `${url} does not answer: ${cause.message}`,
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

/** The server's own address unless one is given; a server that listens on all addresses is asked on loopback. */
function readyUrl(operand: string | undefined, settings: Invocation['settings']): URL {
  if (operand !== undefined) {
    if (!URL.canParse('/readyz', operand))
      throw new UsageError(`${operand} is no URL such as http://127.0.0.1:8080`, 'healthcheck');
    return new URL('/readyz', operand);
  }
  const { host, port } = settings().settings;
  if (port === 0)
    throw new UsageError('port 0 is whatever was free: give the URL that the server printed', 'healthcheck');
  const asked = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return new URL(`http://${asked.includes(':') ? `[${asked}]` : asked}:${port}/readyz`);
}
