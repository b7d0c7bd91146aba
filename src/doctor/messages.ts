/** What the checks send: resources with recognisable names, PATCH operations, steps in short form. */
import { listResponseSchema } from '../http/listing.ts';
import { patchOpSchema } from '../scim/messages.ts';
import type { Expectation, Late, Step, Visit } from './check.ts';

export { listResponseSchema };
export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const enterpriseSchema = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

type Members = Readonly<Record<string, unknown>>;

export function addressOf(visit: Visit, word: string): string {
  return `${visit.mark}-${word}@example.com`;
}

export function nameOf(visit: Visit, word: string): string {
  return `${visit.mark}-${word}`;
}

/** A user with what real servers demand besides userName: a name and a mail address. */
export function user(visit: Visit, word: string, more: Members = {}): Members {
  const address = addressOf(visit, word);
  return {
    schemas: [userSchema],
    userName: address,
    name: { givenName: 'Doctor', familyName: 'Visit' },
    displayName: nameOf(visit, word),
    emails: [{ value: address, type: 'work', primary: true }],
    active: true,
    ...more,
  };
}

/** A group of users that the visit has made. */
export function group(visit: Visit, word: string, ...members: readonly string[]): Members {
  const values = members.map((member) => ({ value: visit.made(member).id }));
  return {
    schemas: [groupSchema],
    displayName: nameOf(visit, word),
    ...(values.length === 0 ? {} : { members: values }),
  };
}

export function patch(...operations: readonly Members[]): Members {
  return { schemas: [patchOpSchema], Operations: operations };
}

/** A query on an endpoint, its values encoded. */
export function query(path: string, parameters: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(parameters).map(
    ([name, value]) => `${name}=${encodeURIComponent(String(value))}`,
  );
  return `${path}?${pairs.join('&')}`;
}

/** `attribute eq "value"`, the value escaped as JSON (RFC 7644 §3.4.2.2). */
export function eq(attribute: string, value: string): string {
  return `${attribute} eq ${JSON.stringify(value)}`;
}

/** The path of what an earlier step has made. */
export function pathOf(word: string, more = ''): (visit: Visit) => string {
  return (visit) => visit.made(word).path + more;
}

export function get(path: Late<string>, ...expect: readonly Expectation[]): Step {
  return { method: 'GET', path, expect };
}

export function post(
  path: Late<string>,
  body: (visit: Visit) => unknown,
  ...expect: readonly Expectation[]
): Step {
  return { method: 'POST', path, body, expect };
}

export function put(
  path: Late<string>,
  body: (visit: Visit) => unknown,
  ...expect: readonly Expectation[]
): Step {
  return { method: 'PUT', path, body, expect };
}

/** A PATCH of what an earlier step has made. */
export function patching(
  word: string,
  operations: (visit: Visit) => readonly Members[],
  ...expect: readonly Expectation[]
): Step {
  return {
    method: 'PATCH',
    path: pathOf(word),
    body: (visit) => patch(...operations(visit)),
    expect,
  };
}

export function remove(path: Late<string>, ...expect: readonly Expectation[]): Step {
  return { method: 'DELETE', path, expect };
}

/** A POST whose resource later steps use. */
export function making(word: string, step: Step): Step {
  return { ...step, makes: word };
}

/** A step that a server may refuse in order; `advice` says what follows. */
export function refusable(advice: string, step: Step): Step {
  return { ...step, mayRefuse: advice };
}
