/** Bytes over a socket, for what no HTTP client would send. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { errorSchema, type TestServer } from '../server.ts';

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/**
 * Sends the parts one after the other and reads until the server closes or, with `end`, after our own end. Rejects if
 * nothing comes within ten seconds.
 */
export function sendRaw(
  server: TestServer,
  parts: readonly (string | Uint8Array)[],
  options: { readonly end?: boolean } = {},
): Promise<string> {
  const { hostname, port } = new URL(server.base);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let received = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end of the answer within ten seconds: ${received}`));
    }, 10_000);
    const done = () => {
      clearTimeout(timer);
      resolve(received);
    };
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      received += text;
    });
    socket.on('close', done);
    // A server that refuses may close while we still write.
    socket.on('error', done);
    socket.on('connect', () => {
      for (const part of parts) socket.write(part);
      if (options.end === true) socket.end();
    });
  });
}

/** The first answer in what was received. */
export function firstAnswer(received: string): RawAnswer {
  const split = received.indexOf('\r\n\r\n');
  const head = received.slice(0, split);
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  const body = received.slice(split + 4, length === undefined ? undefined : split + 4 + Number(length));
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), head, body };
}

/** A request's head with the fields that every one needs; the connection is closed after the answer. */
export function head(server: TestServer, requestLine: string, ...fields: readonly string[]): string {
  const { host } = new URL(server.base);
  return [
    `${requestLine} HTTP/1.1`,
    `Host: ${host}`,
    `Authorization: Bearer ${server.token}`,
    'Connection: close',
    ...fields,
    '',
    '',
  ].join('\r\n');
}

/** The body is a whole SCIM error (RFC 7644 §3.12) and tells nothing of our insides. */
export function assertError(
  answer: { readonly status: number; readonly text?: string; readonly body?: string },
  status: number,
  detail?: RegExp,
): void {
  const text = answer.text ?? answer.body ?? '';
  assert.equal(answer.status, status, text.slice(0, 500));
  const error = JSON.parse(text) as Record<string, unknown>;
  assert.deepEqual(error.schemas, [errorSchema]);
  assert.equal(error.status, String(status));
  assert.ok(typeof error.detail === 'string' && error.detail !== '');
  assert.ok(Object.keys(error).every((name) => ['schemas', 'status', 'scimType', 'detail'].includes(name)));
  assert.doesNotMatch(text, /node_modules|\.ts:\d|\bat \w+ \(|SQLITE|better-sqlite|near "/);
  if (detail !== undefined) assert.match(error.detail as string, detail);
}

/** Still there, and still what it was. */
export async function assertAlive(server: TestServer): Promise<void> {
  const { status, json } = await server.request('GET', '/ServiceProviderConfig');
  assert.equal(status, 200);
  assert.equal(json.patch.supported, true);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
}
