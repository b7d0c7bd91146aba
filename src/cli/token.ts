/** scimd token create, list, rotate, revoke. */
import { Tokens } from '../directory/tokens.ts';
import { JwksFileError, readJwksFile } from '../http/key-set.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { escapeControls } from '../ops/escape-controls.ts';
import { columns } from '../ops/terminal.ts';
import { idps } from '../scim/tolerances.ts';
import type { ClientKeys } from '../store/access-store.ts';
import type { AccessStore, Scope, Token } from '../store/store.ts';
import type { Invocation } from './command.ts';
import { defaultTenant, findTenant, withAccess } from './database.ts';
import { type Deed, noteDeed } from './noted-deed.ts';
import { parseExpiry, parseOverlap } from './time.ts';

export const scopes = ['scim', 'read', 'admin', 'metrics', 'events'] as const satisfies readonly Scope[];
export const defaultExpiry = '365d';
export const defaultOverlap = '24h';

const labelPattern = /^[\p{L}\p{N}][\p{L}\p{N} ._@+-]{0,63}$/u;

/** Names of tokens and tenants: to be typed and to be read in a log. */
export function checkLabel(what: string, name: string): string {
  if (labelPattern.test(name)) return name;
  throw new UsageError(
    `${what} must be at most 64 letters, digits, spaces and . _ @ + -, starting with a letter or digit, not ${JSON.stringify(name)}`,
  );
}

export async function createToken(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation;
  const now = new Date();
  const name = checkLabel('--name', flags.get('name') ?? '');
  const expires = parseExpiry(flags.get('expires') ?? defaultExpiry, now);
  const subject = flags.get('subject');
  const keys = await clientKeys(flags.get('client-keys'));
  return withAccess(invocation, true, async (store) => {
    const tenant = await findTenant(store, flags.get('tenant') ?? defaultTenant);
    const same = (await store.listTokens(tenant.number)).filter(
      (token) => token.name === name && current(token, now),
    );
    if (same.length > 0)
      throw new CommandError(
        `tenant ${tenant.name} has a token named ${name} already`,
        `Choose another name, or replace it: scimd token rotate ${same[0]!.id}`,
      );
    const { token, secret } = await new Tokens(store).create({
      name,
      tenant: tenant.number,
      idp: flags.get('idp') ?? idps[0],
      scope: (flags.get('scope') as Scope | undefined) ?? scopes[0],
      expires,
      subject,
      keys,
    });
    await noteDeed(store, deedOf('create', token));
    if (subject !== undefined && !(await store.hasResource(tenant.number, subject)))
      terminal.note(
        `scimd: tenant ${tenant.name} has no user with the id ${escapeControls(subject)}: /Me is 404 until it has; --subject is an id, not a userName`,
      );
    if (keys === undefined) printNew(invocation, token, secret);
    else printClient(invocation, token);
    return 0;
  });
}

/** Of a client that authenticates by assertions: a URL, or a file that is read now. */
async function clientKeys(given: string | undefined): Promise<ClientKeys | undefined> {
  if (given === undefined) return undefined;
  if (/^https:\/\/[^\s/]+/.test(given)) return { jwksUri: given };
  if (/^https?:/.test(given))
    throw new UsageError(`--client-keys must be an https URL or a file, not ${JSON.stringify(given)}`);
  try {
    return { jwks: JSON.stringify(await readJwksFile(given)) };
  } catch (error) {
    if (error instanceof JwksFileError) throw new UsageError(`--client-keys: ${error.message}`);
    throw error;
  }
}

/** Its id is all that the client needs. */
function printClient({ json, terminal }: Invocation, token: Token): void {
  if (json) {
    terminal.print(JSON.stringify({ ...tokenJson(token, new Date()), clientId: token.id }));
    return;
  }
  terminal.print(token.id);
  if (terminal.interactive)
    terminal.note(`created client ${token.name} of tenant ${token.tenantName}: its client_id is above`);
}

export async function listTokens(invocation: Invocation): Promise<number> {
  const { flags, json, terminal } = invocation;
  return withAccess(invocation, false, async (store) => {
    const tenant = flags.get('tenant');
    const tokens = await store.listTokens(
      tenant === undefined ? undefined : (await findTenant(store, tenant)).number,
    );
    const now = new Date();
    if (json) terminal.print(JSON.stringify(tokens.map((token) => tokenJson(token, now))));
    else if (tokens.length === 0) terminal.note('no tokens; create one: scimd token create --name NAME');
    else
      terminal.print(
        columns([
          ['ID', 'NAME', 'TENANT', 'IDP', 'SCOPE', 'STATE', 'EXPIRES', 'LAST USED'],
          ...tokens.map((token) => [
            token.id,
            token.name,
            token.tenantName,
            token.idp,
            token.scope,
            usable(token, now) && token.paused !== undefined ? 'paused' : stateOf(token, now),
            endOf(token)?.slice(0, 10) ?? 'never',
            token.lastUsed?.slice(0, 16).replace('T', ' ') ?? 'never',
          ]),
        ]),
      );
    return 0;
  });
}

export async function showToken(invocation: Invocation): Promise<number> {
  const { operand = '', flags, json, terminal } = invocation;
  const now = new Date();
  return withAccess(invocation, false, async (store) => {
    const token = await findToken(store, operand, flags.get('tenant'), () => true);
    const shown = Object.entries(tokenJson(token, now)).filter(([, value]) => value !== undefined);
    if (json) terminal.print(JSON.stringify(Object.fromEntries(shown)));
    else terminal.print(columns(shown.map(([name, value]) => [name, escapeControls(String(value))])));
    return 0;
  });
}

/** A new token for the same use. The old one lives on for the overlap, while the provider is being changed over. */
export async function rotateToken(invocation: Invocation): Promise<number> {
  const { operand = '', flags } = invocation;
  const now = new Date();
  const until = parseOverlap(flags.get('overlap') ?? defaultOverlap, now);
  return withAccess(invocation, false, async (store) => {
    const old = await findToken(store, operand, flags.get('tenant'), (token) => current(token, now));
    const expiry = flags.get('expires');
    const expires = expiry === undefined ? undefined : parseExpiry(expiry, now);
    const { token, secret } = await new Tokens(store).rotate(old, until, expires);
    await noteDeed(store, deedOf('rotate', token));
    printNew(invocation, token, secret, { id: old.id, until: until.toISOString() });
    return 0;
  });
}

export async function revokeToken(invocation: Invocation): Promise<number> {
  const { operand = '', flags, json, terminal } = invocation;
  const now = new Date();
  return withAccess(invocation, false, async (store) => {
    const token = await findToken(store, operand, flags.get('tenant'), (candidate) => usable(candidate, now));
    const revoked = (await new Tokens(store).revoke(token.id)) ?? token;
    await noteDeed(store, deedOf('revoke', token));
    if (json) terminal.print(JSON.stringify(tokenJson(revoked, now)));
    else terminal.print(`revoked token ${token.name} (${token.id}) of tenant ${token.tenantName}`);
    return 0;
  });
}

/** `token.revoke`, of which one. */
export function deedOf(what: string, { id, name, tenant }: Pick<Token, 'id' | 'name' | 'tenant'>): Deed {
  return { action: `token.${what}`, tenant, subject: id, detail: name };
}

/** By its id, or by its name when one candidate has it. */
export async function findToken(
  store: AccessStore,
  word: string,
  tenantName: string | undefined,
  eligible: (token: Token) => boolean,
): Promise<Token> {
  const tenant = tenantName === undefined ? undefined : await findTenant(store, tenantName);
  const tokens = await store.listTokens(tenant?.number);
  const byId = tokens.find(({ id }) => id === word);
  const named = byId ? [byId] : tokens.filter(({ name }) => name === word);
  const found = named.filter(eligible);
  if (found.length > 1)
    throw new CommandError(
      `${found.length} tokens are named ${word}`,
      `Give the id of one:\n${columns(
        found.map(({ id, tenantName: of, created }) => [id, of, `created ${created}`]),
        '  ',
      )}`,
    );
  if (found[0] !== undefined) return found[0];
  const state = named[0] && stateOf(named[0], new Date());
  throw new CommandError(
    state === undefined ? `there is no token ${word}` : `token ${word} is ${state} already`,
    'See: scimd token list',
  );
}

function printNew(
  { json, terminal }: Invocation,
  token: Token,
  secret: string,
  replaced?: { readonly id: string; readonly until: string },
): void {
  if (json) {
    const more = replaced === undefined ? {} : { replaces: replaced.id, overlapUntil: replaced.until };
    terminal.print(JSON.stringify({ ...tokenJson(token, new Date()), ...more, token: secret }));
    return;
  }
  // In a pipe only the token: TOKEN=$(scimd token create --name okta)
  terminal.print(secret);
  if (!terminal.interactive) return;
  const { name, id, tenantName, idp, scope, expires } = token;
  terminal.note(
    `token ${name} (${id}) for tenant ${tenantName}: provider ${idp}, scope ${scope}, expires ${expires}`,
  );
  if (replaced) terminal.note(`the old one, ${replaced.id}, works until ${replaced.until}`);
  terminal.note('It is shown only now.');
}

function tokenJson(token: Token, now: Date): object {
  const { id, name, tenantName, idp, scope, created, expires, revoked, lastUsed, subject, paused } = token;
  return {
    id,
    name,
    tenant: tenantName,
    idp,
    scope,
    state: stateOf(token, now),
    created,
    expires,
    revoked,
    lastUsed,
    subject,
    paused,
  };
}

/** Of a token that was rotated or revoked, that comes before what it was made for. */
function endOf({ expires, revoked }: Token): string | undefined {
  return [expires, revoked].filter((at) => at !== undefined).sort()[0];
}

type State = 'active' | 'retiring' | 'revoked' | 'expired';

function stateOf({ revoked, expires, ended }: Token, now: Date): State {
  if (ended) return 'revoked';
  if (revoked !== undefined && new Date(revoked) <= now) return 'revoked';
  if (expires !== undefined && new Date(expires) <= now) return 'expired';
  return revoked === undefined ? 'active' : 'retiring';
}

const current = (token: Token, now: Date) => stateOf(token, now) === 'active';

export function usable(token: Token, now: Date): boolean {
  const state = stateOf(token, now);
  return state === 'active' || state === 'retiring';
}
