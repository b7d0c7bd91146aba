/** Expectations of answers: each says what it wants, and what it found instead. */
import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../scim-client.ts';
import type { Expectation, Level, Visit } from './check.ts';
import { listResponseSchema } from './messages.ts';

const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';

export function status(...codes: readonly number[]): Expectation {
  const wanted = codes.join(' or ');
  return {
    says: `status ${wanted}`,
    judge: (answer) => (codes.includes(answer.status) ? undefined : `status ${statusWithReason(answer)}`),
  };
}

/** The status with what the error message says of it. */
export function statusWithReason({ status: code, json }: Answer): string {
  const { scimType, detail } = membersOf(json);
  return [code, ...[scimType, detail].filter((text) => typeof text === 'string')].join(' ');
}

/** PATCH is answered with the resource or with nothing (RFC 7644 §3.5.2). */
export const patched: Expectation = status(200, 204);

/** The same expectation with a level of its own. */
export function at(level: Level, expectation: Expectation): Expectation {
  return { ...expectation, level };
}

export function should(expectation: Expectation): Expectation {
  return at('should', expectation);
}

/** Holds of an answer with a body; 204 has none. */
export function ifShown(expectation: Expectation): Expectation {
  return {
    ...expectation,
    judge: (answer, visit) => (answer.status === 204 ? undefined : expectation.judge(answer, visit)),
  };
}

/** A SCIM error message (RFC 7644 §3.12); another `scimType` than those is a warning only. */
export function error(code: number, ...scimTypes: readonly string[]): readonly Expectation[] {
  return [
    status(code),
    should({
      says: `a SCIM error message: schemas [${errorSchema}] and status "${code}" as text`,
      judge: ({ json, text }) => {
        const { schemas, status: told } = membersOf(json);
        if (text === '') return 'no body';
        if (!Array.isArray(schemas) || !schemas.includes(errorSchema)) return 'a body that is no SCIM error';
        return told === String(code) ? undefined : `status ${show(told)}`;
      },
    }),
    ...(scimTypes.length === 0
      ? []
      : [
          should({
            says: `scimType ${scimTypes.join(' or ')}`,
            judge: ({ json }) => {
              const { scimType } = membersOf(json);
              return scimTypes.includes(scimType as string) ? undefined : `scimType ${show(scimType)}`;
            },
          }),
        ]),
  ];
}

/** A ListResponse (RFC 7644 §3.4.2); an empty one need not have Resources. */
export function list(wanted: { readonly total?: number; readonly items?: number } = {}): Expectation {
  const { total, items } = wanted;
  const says = [
    'a ListResponse',
    ...(total === undefined ? [] : [`totalResults ${total}`]),
    ...(items === undefined ? [] : [items === 0 ? 'no Resources' : `${items} Resources`]),
  ].join(', ');
  return {
    says,
    judge: ({ json }) => {
      const { schemas, totalResults, Resources } = membersOf(json);
      if (!Array.isArray(schemas) || !schemas.includes(listResponseSchema)) return 'no ListResponse';
      if (typeof totalResults !== 'number') return `totalResults is ${show(totalResults)}, no number`;
      if (Resources !== undefined && Resources !== null && !Array.isArray(Resources))
        return 'Resources is no array';
      const found = resourcesOf(json).length;
      if (total !== undefined && totalResults !== total) return `totalResults is ${totalResults}`;
      if (total === undefined && items === undefined && totalResults < found)
        return `totalResults is ${totalResults}, but there are ${found} Resources`;
      if (items !== undefined && found !== items) return `${found} Resources`;
      return total === 0 && found > 0 ? `${found} Resources` : undefined;
    },
  };
}

/** An empty list: 200, never 404 (RFC 7644 §3.4.2). */
export const nobody: readonly Expectation[] = [status(200), list({ total: 0 })];

/** A list of exactly what was made under these words, in any order. */
export function finds(...words: readonly string[]): readonly Expectation[] {
  if (words.length === 0) return nobody;
  return [
    status(200),
    {
      says: `exactly ${words.join(', ')} of this visit`,
      judge: ({ json }, visit) => {
        const found = resourcesOf(json).map((resource) => wordOf(resource, words, visit));
        const missing = words.filter((word) => !found.includes(word));
        const others = found.filter((word) => word === undefined).length;
        const problems = [
          ...(missing.length === 0 ? [] : [`without ${missing.join(', ')}`]),
          ...(others === 0 ? [] : [`with ${others} that should not be there`]),
        ];
        return problems.length === 0 ? undefined : `${found.length} Resources, ${problems.join(' and ')}`;
      },
    },
    list({ total: words.length }),
  ];
}

/** A list in this order. */
export function inOrder(...words: readonly string[]): Expectation {
  return {
    says: `the order ${words.join(', ')}`,
    judge: ({ json }, visit) => {
      const found = resourcesOf(json).map((resource) => wordOf(resource, words, visit) ?? 'another');
      return isDeepStrictEqual(found, words) ? undefined : `the order ${found.join(', ')}`;
    },
  };
}

function wordOf(resource: unknown, words: readonly string[], visit: Visit): string | undefined {
  return words.find((word) => visit.made(word).id === membersOf(resource).id);
}

type Path = string | readonly string[];
const nameOfPath = (path: Path): string => (typeof path === 'string' ? path : path.join('.'));

/** The attribute has this value; objects may have more members, arrays more elements. */
export function has(path: Path, value: unknown): Expectation {
  return { says: `${nameOfPath(path)} is ${show(value)}`, judge: (answer) => differs(answer, path, value) };
}

/** As `has`, the value taken from what the visit made. */
export function hasOf(path: Path, value: (visit: Visit) => unknown): Expectation {
  return {
    says: (visit) => `${nameOfPath(path)} is ${show(value(visit))}`,
    judge: (answer, visit) => differs(answer, path, value(visit)),
  };
}

function differs({ json }: Answer, path: Path, value: unknown): string | undefined {
  const found = valueAt(json, path);
  if (contains(found, value)) return undefined;
  return found === undefined ? `no ${nameOfPath(path)}` : `${nameOfPath(path)} is ${show(found)}`;
}

/** No value: absent, null or an empty array, which are the same (RFC 7643 §2.5). */
export function unassigned(path: Path): Expectation {
  return {
    says: `no ${nameOfPath(path)}`,
    judge: ({ json }) => {
      const found = valueAt(json, path);
      const none = found === undefined || found === null || (Array.isArray(found) && found.length === 0);
      return none ? undefined : `${nameOfPath(path)} is ${show(found)}`;
    },
  };
}

/** The attribute has some value. */
export function assigned(path: Path): Expectation {
  return {
    says: `${nameOfPath(path)} has a value`,
    judge: ({ json }) => {
      const found = valueAt(json, path);
      return found === undefined || found === null || found === '' ? `no ${nameOfPath(path)}` : undefined;
    },
  };
}

/** The attribute's elements have exactly these values, in any order. */
export function values(path: Path, wanted: (visit: Visit) => readonly string[]): Expectation {
  const sorted = (list: readonly unknown[]) => list.map(String).sort();
  return {
    says: (visit) => `the values of ${nameOfPath(path)} are ${show(wanted(visit))}`,
    judge: ({ json }, visit) => {
      const found = valueAt(json, path) ?? [];
      if (!Array.isArray(found)) return `${nameOfPath(path)} is ${show(found)}, no array`;
      const actual = found.map((element) => membersOf(element).value);
      return isDeepStrictEqual(sorted(actual), sorted(wanted(visit)))
        ? undefined
        : `the values are ${show(actual)}`;
    },
  };
}

export function header(name: string, pattern: RegExp, says: string): Expectation {
  return {
    says,
    judge: ({ headers }) => {
      const found = headers.get(name);
      if (found === null) return `no ${name} header`;
      return pattern.test(found) ? undefined : `${name}: ${found}`;
    },
  };
}

/** Anything else, said in words. */
export function that(
  says: string,
  judge: (json: Readonly<Record<string, unknown>>, answer: Answer, visit: Visit) => string | undefined,
): Expectation {
  return { says, judge: (answer, visit) => judge(membersOf(answer.json), answer, visit) };
}

export function membersOf(json: unknown): Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
    ? (json as Record<string, unknown>)
    : {};
}

export function resourcesOf(json: unknown): readonly unknown[] {
  const { Resources } = membersOf(json);
  return Array.isArray(Resources) ? Resources : [];
}

/** Names of members are case-insensitive (RFC 7643 §2.1). */
export function valueAt(json: unknown, path: Path): unknown {
  let value = json;
  for (const name of typeof path === 'string' ? [path] : path) {
    const entry = Object.entries(membersOf(value)).find(([key]) => key.toLowerCase() === name.toLowerCase());
    value = entry?.[1];
  }
  return value;
}

function contains(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(found) && wanted.every((value) => found.some((element) => contains(element, value)));
  if (typeof wanted === 'object' && wanted !== null)
    return Object.entries(wanted).every(([name, value]) => contains(valueAt(found, name), value));
  return found === wanted;
}

/** A value with its type: the text "false" is not the boolean false. */
export function show(value: unknown): string {
  if (value === undefined) return 'absent';
  if (typeof value === 'boolean') return `the boolean ${value}`;
  return typeof value === 'string' ? `the text ${JSON.stringify(value)}` : JSON.stringify(value);
}
