/** scimd doctor as a function, for tests: it examines what answers WHATWG requests, whatever it is in. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Terminal } from '../ops/terminal.ts';
import { type FlowName, flowNames } from './check.ts';
import { examine } from './doctor.ts';

/** How {@link doctor} examines a server. */
export interface DoctorOptions {
  /** Bearer token that may read and write users and groups; without it none is sent. */
  readonly token?: string;
  /** Where the endpoints are: `/scim/v2` unless given. */
  readonly basePath?: string;
  /** Which checks: `core`, `okta`, `entra`, `integrity`; all unless given. */
  readonly only?: readonly FlowName[];
}

/** What {@link doctor} saw. */
export interface DoctorReport {
  /** Nothing that matters failed, and nothing that it made is left behind. */
  readonly passed: boolean;
  /** How many checks failed, and so on. */
  readonly totals: Readonly<Record<'passed' | 'failed' | 'warning' | 'noted' | 'skipped', number>>;
  /** What was seen, as `scimd doctor` prints it. */
  readonly text: string;
}

/**
 * Sends what providers and the standard's readers send, to `fetch` of scimd, of Hono, or of a route of your own, and
 * deletes what it made.
 * @throws CommandError where there is no SCIM server, or it does not take the token.
 */
export async function doctor(
  fetch: (request: Request) => Response | Promise<Response>,
  { token, basePath = '/scim/v2', only = flowNames }: DoctorOptions = {},
): Promise<DoctorReport> {
  const server = createServer((request, response) => {
    answerWith(fetch, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const lines: string[] = [];
  const never = new AbortController().signal;
  try {
    const { passed, totals } = await examine({
      base: `http://127.0.0.1:${port}${basePath}`,
      ...{ token, timeoutSeconds: 30, flows: only, output: 'brief' },
      ...{ terminal: collecting(lines), stop: never, end: never },
    });
    return { passed, totals, text: lines.join('\n') };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function collecting(lines: string[]): Terminal {
  return {
    ...{ interactive: false, errorIsTerminal: false, color: false, environment: {}, folder: '.' },
    print: (text) => void lines.push(text),
    note: (text) => void lines.push(text),
    renew() {},
    async write(part) {
      lines.push(String(part));
    },
    async written() {},
  };
}

async function answerWith(
  fetch: (request: Request) => Response | Promise<Response>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = 'GET', headers, url = '/' } = request;
  const given = new Headers();
  for (const [name, value] of Object.entries(headers))
    for (const each of [value ?? []].flat()) given.append(name, each);
  const hasBody = method !== 'GET' && method !== 'HEAD' && chunks.length > 0;
  const answer = await fetch(
    new Request(`http://${headers.host}${url}`, {
      ...{ method, headers: given },
      ...(hasBody ? { body: Buffer.concat(chunks) } : {}),
    }),
  );
  response.writeHead(answer.status, [...answer.headers].flat());
  response.end(Buffer.from(await answer.arrayBuffer()));
}
