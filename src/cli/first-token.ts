/** The token that a database without any is given when the server starts. */
import { hashSecret, newSecret } from '../directory/secret.ts';
import type { Log } from '../http/options.ts';
import type { AccessStore } from '../store/store.ts';
import { defaultTenant, findTenant } from './database.ts';
import { parseExpiry } from './time.ts';
import { defaultExpiry, usable } from './token.ts';

export type FirstToken =
  /** Made now; `secret` is absent if the operator gave it, and knows it. */
  { readonly made: true; readonly secret: string | undefined } | { readonly made: false };

export async function ensureFirstToken(
  store: AccessStore,
  bootstrap: string | undefined,
  log: Log,
): Promise<FirstToken> {
  const now = new Date();
  if ((await store.listTokens()).length > 0) {
    if (bootstrap !== undefined) await warnUnused(store, bootstrap, log, now);
    return { made: false };
  }
  const secret = bootstrap ?? newSecret();
  const { number: tenant } = await findTenant(store, defaultTenant);
  await store.createToken({
    hash: hashSecret(secret),
    name: 'first',
    tenant,
    idp: 'generic',
    scope: 'scim',
    expires: parseExpiry(defaultExpiry, now).toISOString(),
  });
  return { made: true, secret: bootstrap === undefined ? secret : undefined };
}

/** Warns that a bootstrap token has no effect in a database that has tokens. */
async function warnUnused(store: AccessStore, bootstrap: string, log: Log, now: Date): Promise<void> {
  const token = await store.findToken(hashSecret(bootstrap));
  if (token === undefined)
    log.warn({}, 'the bootstrap token is ignored: the database has tokens already, and it is none of them');
  else if (!usable(token, now))
    log.warn(
      { tokenId: token.id },
      'the bootstrap token is revoked or expired: make a new one with scimd token create',
    );
}
