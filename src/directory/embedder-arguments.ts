/** What an embedder's own code gives, checked before it is kept: compilers do not see everything. */
import { suggestion } from '../nearest.ts';
import { idps } from '../scim/tolerances.ts';

const scopes = ['scim', 'read', 'admin', 'metrics', 'events'];

/** @throws TypeError */
export function checkNewToken(asked: unknown): void {
  const { name, idp, scope, expires, subject } = (asked ?? {}) as Readonly<Record<string, unknown>>;
  checkName('createToken: name', name);
  checkOneOf('createToken: idp', idp, idps);
  checkOneOf('createToken: scope', scope, scopes);
  if (subject !== undefined) checkName('createToken: subject', subject);
  checkDate('createToken: expires', expires);
}

/** Who asks, as the embedder's own code says: never let in by what is no such thing, such as `true`. @throws TypeError */
export function checkPrincipal(found: unknown): void {
  if (typeof found !== 'object' || found === null || Array.isArray(found))
    throw new TypeError(
      `authenticate must answer who it is, such as { name: 'our gateway' }, or undefined, not ${JSON.stringify(found)}`,
    );
  const { tenant, idp, scope, id, name, subject } = found as Readonly<Record<string, unknown>>;
  checkOneOf('authenticate: idp', idp, idps);
  checkOneOf('authenticate: scope', scope, scopes);
  for (const [what, text] of Object.entries({ tenant, id, name, subject }))
    if (text !== undefined && typeof text !== 'string')
      throw new TypeError(`authenticate: ${what} must be a text, not ${JSON.stringify(text)}`);
}

/** @throws TypeError */
export function checkName(what: string, name: unknown): string {
  if (typeof name === 'string' && name !== '') return name;
  throw new TypeError(`${what} must be a text that is not empty, not ${JSON.stringify(name)}`);
}

/** Undefined is none. @throws TypeError */
export function checkDate(what: string, date: unknown): void {
  if (date === undefined) return;
  if (!(date instanceof Date) || Number.isNaN(date.getTime()))
    throw new TypeError(`${what} must be a Date, not ${date instanceof Date ? date : JSON.stringify(date)}`);
}

/** Each by what it is; undefined is none. @throws TypeError */
export function checkWhole(numbers: Readonly<Record<string, unknown>>): void {
  for (const [what, number] of Object.entries(numbers))
    if (number !== undefined && !Number.isSafeInteger(number))
      throw new TypeError(`${what} must be a whole number, not ${JSON.stringify(number)}`);
}

function checkOneOf(what: string, value: unknown, allowed: readonly string[]): void {
  if (value === undefined || (typeof value === 'string' && allowed.includes(value))) return;
  const nearest = typeof value === 'string' ? suggestion(value, allowed) : '';
  throw new TypeError(`${what} must be one of ${allowed.join(', ')}, not ${JSON.stringify(value)}${nearest}`);
}
