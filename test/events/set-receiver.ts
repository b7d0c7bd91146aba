/** A receiver of security event tokens (RFC 8935) on a real socket, that verifies them with the published keys. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, jwtVerify } from 'jose';

// biome-ignore lint/suspicious/noExplicitAny: tests look into claims of any shape
type Claims = any;

export interface Pushed {
  readonly token: string;
  readonly claims: Claims;
  readonly headers: IncomingHttpHeaders;
}

export interface SetReceiver {
  readonly url: string;
  readonly pushed: Pushed[];
  /** What the next tokens are answered; 202 without it. */
  answer: ((token: string) => { readonly status: number; readonly body?: object } | undefined) | undefined;
  close(): Promise<void>;
}

/** The claims of a token, if it is one of the issuer's (RFC 8417 §2, SSF 1.0 §4.1). */
export async function verified(token: string, issuer: string): Promise<Claims> {
  const keys = createRemoteJWKSet(new URL('/jwks.json', issuer));
  const { payload } = await jwtVerify(token, keys, { issuer, typ: 'secevent+jwt', algorithms: ['RS256'] });
  return payload;
}

export async function startSetReceiver(issuer: () => string): Promise<SetReceiver> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const token = Buffer.concat(chunks).toString('utf8');
    const { status, body } = receiver.answer?.(token) ?? { status: 202 };
    if (status === 202)
      receiver.pushed.push({ token, claims: await verified(token, issuer()), headers: request.headers });
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: SetReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    pushed: [],
    answer: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}
