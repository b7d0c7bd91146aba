/** What a receiver of security event tokens does over HTTP: makes a stream, polls it, acknowledges. */
import assert from 'node:assert/strict';
import type { Answer, TestServer } from '../server.ts';
import { verified } from './set-receiver.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into claims of any shape
type Claims = any;

export const prov = (name: string): string => `urn:ietf:params:scim:event:prov:${name}`;
export const sessionRevoked = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked';
export const credentialChange = 'https://schemas.openid.net/secevent/caep/event-type/credential-change';
export const verification = 'https://schemas.openid.net/secevent/ssf/event-type/verification';
export const streamUpdated = 'https://schemas.openid.net/secevent/ssf/event-type/stream-updated';
export const push = 'urn:ietf:rfc:8935';
export const poll = 'urn:ietf:rfc:8936';

export interface ReceiverClient {
  readonly origin: string;
  readonly token: string;
  send(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Makes a stream; its configuration. */
  create(body?: object): Promise<Claims>;
  /** The claims of the next tokens, verified; they are acknowledged unless told otherwise. */
  take(stream: Claims, options?: { readonly acknowledge?: boolean }): Promise<Claims[]>;
}

export async function receiverOf(server: TestServer, tenant = 'default'): Promise<ReceiverClient> {
  const token = await server.newToken({ scope: 'events', tenant });
  const { origin } = new URL(server.base);
  const send = (method: string, path: string, body?: unknown): Promise<Answer> =>
    server.request(method, path.startsWith('http') ? path : origin + path, {
      token,
      ...(body === undefined ? {} : { body }),
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
    });
  return {
    origin,
    token,
    send,
    async create(body = {}) {
      const { status, json, text } = await send('POST', '/ssf/streams', body);
      assert.equal(status, 201, text);
      return json;
    },
    async take(stream, { acknowledge = true } = {}) {
      const { endpoint_url: url } = stream.delivery;
      const taken: Claims[] = [];
      for (let more = true; more; ) {
        const { status, json, text } = await send('POST', url, { returnImmediately: true });
        assert.equal(status, 200, text);
        for (const [jti, each] of Object.entries(json.sets)) {
          const claims = await verified(String(each), origin);
          assert.equal(claims.jti, jti);
          taken.push(claims);
        }
        more = acknowledge && json.moreAvailable === true;
        if (acknowledge && Object.keys(json.sets).length > 0)
          await send('POST', url, { ack: Object.keys(json.sets), maxEvents: 0, returnImmediately: true });
      }
      return taken;
    },
  };
}
