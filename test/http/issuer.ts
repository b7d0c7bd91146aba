/** An OAuth server as far as one can see it from here: keys at a URL, and JWTs signed with them. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export const audience = 'api://scimd';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export interface Issuer {
  readonly url: string;
  readonly jwksUri: string;
  /** What it publishes. */
  keys: SigningKey[];
  /** False: it answers 500. */
  well: boolean;
  /** How often its keys were asked for. */
  readonly asked: number;
  close(): void;
}

export async function newKey(kid: string, alg = 'RS256'): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export async function startIssuer(...keys: SigningKey[]): Promise<Issuer> {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    response.writeHead(issuer.well ? 200 : 500, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk) }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: Issuer = {
    url,
    jwksUri: `${url}/keys`,
    keys,
    well: true,
    get asked() {
      return asked;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return issuer;
}

/** A token that is right but for what `claims` say otherwise; undefined leaves a claim out. */
export function sign(
  issuer: Issuer,
  key: SigningKey,
  claims: Readonly<Record<string, unknown>> = {},
  now = new Date(),
): Promise<string> {
  const seconds = Math.floor(now.getTime() / 1000);
  const payload = {
    iss: issuer.url,
    aud: audience,
    sub: 'client-1',
    scope: 'scim',
    iat: seconds,
    exp: seconds + 300,
    ...claims,
  };
  return new SignJWT(payload as JWTPayload)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt' })
    .sign(key.privateKey);
}
