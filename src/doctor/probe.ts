/**
 * A request that servers are known to answer with 2xx and not to do, or to do more than it says. A probe makes a
 * resource of its own, reads it, sends the request, and reads it again: after a 2xx what was asked for must be there
 * and all else as before, after anything else nothing may have changed.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Expectation, Late, Step, Visit } from './check.ts';
import { membersOf, show, valueAt } from './expect.ts';
import { get, making, pathOf } from './messages.ts';
import { isRefusal } from './run-checks.ts';

export type Members = Readonly<Record<string, unknown>>;

/** What is wrong with `after`, or undefined if nothing is. */
export type Judge = (after: Members, before: Members, visit: Visit) => string | undefined;

export interface Wanted {
  /** What a 2xx promises, for the report. */
  readonly says: Late<string>;
  readonly judge: Judge;
}

export interface Probe {
  /** The POST that makes its resource. */
  readonly make: Step;
  /** The request itself; it has no expectations of its own. */
  readonly send: Step;
  readonly wanted: Wanted;
  /** Where the words of the standard leave room: a warning. */
  readonly should?: Wanted;
  /** What clients hope for, where the words of the standard are against it: worth knowing. */
  readonly note?: Wanted;
}

/** The steps of a probe; `word` names its resource. A failure does not end the check: other probes may follow. */
export function probe(word: string, { make, send, wanted, should, note }: Probe): readonly Step[] {
  return [
    making(word, make),
    get(pathOf(word), readable),
    { ...send, expect: [answered], standsAlone: true },
    {
      ...get(
        pathOf(word),
        readable,
        afterwards(wanted),
        ...(should === undefined ? [] : [{ ...afterwards(should), level: 'should' as const }]),
        ...(note === undefined ? [] : [{ ...afterwards(note), level: 'note' as const }]),
      ),
      readsBack: true,
      standsAlone: true,
    },
  ];
}

const readable: Expectation = {
  says: 'status 200',
  judge: ({ status }) => (status === 200 ? undefined : `status ${status}`),
};

/** An error of the server says neither that it was done nor that it never will be. */
const answered: Expectation = {
  level: 'should',
  says: 'status 2xx or 4xx: done, or refused',
  judge: ({ status }) => (isDone(status) || isRefusal(status) ? undefined : `status ${status}`),
};

function afterwards({ says, judge }: Wanted): Expectation {
  return {
    says: (visit) => {
      const { status } = sentAnswer(visit);
      if (!isDone(status)) return `after ${status} all as it was before`;
      return `after ${status} ${typeof says === 'string' ? says : says(visit)}`;
    },
    judge: (answer, visit) => {
      const [before, after] = [membersOf(visit.answers.at(-2)?.json), membersOf(answer.json)];
      return isDone(sentAnswer(visit).status)
        ? judge(after, before, visit)
        : unchanged().judge(after, before, visit);
    },
  };
}

function sentAnswer({ answers }: Visit): { readonly status: number } {
  return answers.at(-1) ?? { status: 0 };
}

function isDone(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Written by the server alone, with each change. */
const ofServer: readonly string[] = ['meta', 'schemas'];

/** Every attribute has the values that it had, those named in `except` aside. */
export function unchanged(...except: readonly string[]): Wanted {
  const aside = new Set([...ofServer, ...except].map((name) => name.toLowerCase()));
  return {
    says: except.length === 0 ? 'nothing has changed' : `nothing but ${except.join(', ')} has changed`,
    judge: (after, before) => {
      const names = new Set([...Object.keys(before), ...Object.keys(after)]);
      for (const name of names) {
        if (aside.has(name.toLowerCase())) continue;
        const [was, is] = [valueAt(before, name), valueAt(after, name)];
        if (!isSame(was, is)) return `${name} is ${show(is)}, and was ${show(was)}`;
      }
      return undefined;
    },
  };
}

/** These hold, each of them. */
export function all(...wanted: readonly [Wanted, ...Wanted[]]): Wanted {
  return {
    says: (visit) => wanted.map(({ says }) => (typeof says === 'string' ? says : says(visit))).join(', '),
    judge: (after, before, visit) => {
      for (const { judge } of wanted) {
        const found = judge(after, before, visit);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}

/** One of these holds: the request can be read in more than one way. */
export function any(...wanted: readonly [Wanted, ...Wanted[]]): Wanted {
  return {
    says: (visit) => wanted.map(({ says }) => (typeof says === 'string' ? says : says(visit))).join(', or '),
    judge: (after, before, visit) => {
      const found = wanted.map(({ judge }) => judge(after, before, visit));
      return found.includes(undefined) ? undefined : found[0];
    },
  };
}

/** A 2xx is more than the request deserves: it cannot be done. */
export const refused: Wanted = {
  says: 'it would have been refused',
  judge: () => 'it was answered as if it were done',
};

/** The attribute is this, and all others are as before. Arrays are compared as sets, in objects only what is wanted. */
export function becomes(path: string, value: (visit: Visit) => unknown): Wanted {
  const [name = '', ...inner] = path.split(' ');
  return all(
    {
      says: (visit) => `${[name, ...inner].join('.')} is ${show(value(visit))}`,
      judge: (after, _before, visit) => {
        const found = valueAt(after, [name, ...inner]);
        return isSame(trimmed(found, value(visit)), value(visit))
          ? undefined
          : `${[name, ...inner].join('.')} is ${show(found)}`;
      },
    },
    unchanged(name),
  );
}

/** The values that are there still, by `value` and `type`, have all that they had: `primary`, `display` and the rest. */
export function keepsValues(name: string): Wanted {
  return {
    says: `the other values of ${name} are whole`,
    judge: (after, before) => {
      const listOf = (resource: Members): readonly unknown[] => {
        const found = valueAt(resource, name);
        return Array.isArray(found) ? found : [];
      };
      const keyOf = (value: unknown) => JSON.stringify([valueAt(value, 'value'), valueAt(value, 'type')]);
      for (const was of listOf(before)) {
        const still = listOf(after).filter((each) => keyOf(each) === keyOf(was));
        if (still.length > 0 && !still.some((each) => isSame(each, was)))
          return `${name} has ${show(still[0])}, which was ${show(was)}`;
      }
      return undefined;
    },
  };
}

/** The part of what was found that is wanted: what a server adds to a value, such as `$ref`, is no loss. */
function trimmed(found: unknown, wanted: unknown): unknown {
  if (Array.isArray(found) && Array.isArray(wanted)) {
    const names = new Set(wanted.flatMap((element) => Object.keys(membersOf(element))));
    return found.map((element) =>
      typeof element === 'object' && element !== null
        ? Object.fromEntries(Object.entries(element).filter(([name]) => names.has(name)))
        : element,
    );
  }
  if (typeof wanted !== 'object' || wanted === null || typeof found !== 'object' || found === null)
    return found;
  return Object.fromEntries(Object.keys(wanted).map((name) => [name, valueAt(found, name)]));
}

/** Absent, null, `[]` and an object without values are one (RFC 7643 §2.5); the values of an array have no order. */
function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(plain(a), plain(b));
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) {
    const elements = value.map((element) => JSON.stringify(plain(element))).sort();
    return elements.length === 0 ? undefined : elements;
  }
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  const members = Object.entries(value)
    .map(([name, member]) => [name, plain(member)] as const)
    .filter(([, member]) => member !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return members.length === 0 ? undefined : Object.fromEntries(members);
}
