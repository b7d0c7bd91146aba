/** Is a map one at all? Compilers see most of that, but not every embedder has one, and a misspelt `users.emial` is undefined. */
import { suggestion } from '../../nearest.ts';
import type { MapProblem } from './mapping.ts';

const partsOf = {
  map: ['table', 'key', 'created', 'modified', 'attributes', 'rest', 'members', 'onDelete'],
  key: ['id', 'tenant', 'version', 'row'],
  column: ['column', 'folded', 'get', 'set', 'expression'],
  members: ['table', 'group', 'member', 'nested'],
  onDelete: ['set'],
} as const;

type Parts = Readonly<Record<string, unknown>>;

/** What is wrong with the maps before anything is known of their tables. */
export function shapeProblems(maps: unknown): readonly MapProblem[] {
  const problems: MapProblem[] = [];
  const report = (path: string, reason: string): void => void problems.push({ path, reason });

  /** Its parts; none where it is no object. */
  const parts = (where: string, given: unknown, kind: keyof typeof partsOf): Parts => {
    if (typeof given !== 'object' || given === null) {
      report(where, `must be an object with ${partsOf[kind].join(', ')}, not ${shown(given)}`);
      return {};
    }
    for (const name in given)
      if (!(partsOf[kind] as readonly string[]).includes(name))
        report(`${where}.${name}`, `is no part of it${suggestion(name, partsOf[kind])}`);
    return given as Parts;
  };
  const column = (where: string, given: unknown): void => {
    if (isColumn(given)) return;
    report(where, `must be a column, by its name or as Drizzle has it, not ${shown(given)}`);
  };
  const optional = (where: string, given: Parts, ...names: readonly string[]): void => {
    for (const name of names) if (given[name] !== undefined) column(`${where}.${name}`, given[name]);
  };
  const tableAt = (where: string, given: unknown): void => {
    const isDrizzle = typeof given === 'object' && given !== null && Symbol.for('drizzle:Name') in given;
    if (!isDrizzle && (typeof given !== 'string' || given === ''))
      report(where, `must be the name of a table, or a table of Drizzle, not ${shown(given)}`);
  };
  const attribute = (where: string, given: unknown): void => {
    if (typeof given !== 'object' || given === null || isColumn(given)) {
      column(where, given);
      return;
    }
    const options = parts(where, given, 'column');
    column(`${where}.column`, options.column);
    const { folded } = options;
    if (folded !== undefined && folded !== true && typeof folded !== 'function')
      column(`${where}.folded`, folded);
    for (const name of ['get', 'set', 'expression'])
      if (options[name] !== undefined && typeof options[name] !== 'function')
        report(`${where}.${name}`, `must be a function, not ${shown(options[name])}`);
  };

  const all = typeof maps === 'object' && maps !== null ? Object.entries(maps) : [];
  if (all.length === 0) report('tables', 'must have a map for a resource type: { User: table(…) }');
  for (const [type, given] of all) {
    if (typeof given !== 'object' || given === null || !('table' in given)) {
      report(type, `must be what table(…) answers, not ${shown(given)}`);
      continue;
    }
    const map = parts(type, given, 'map');
    tableAt(`${type}.table`, map.table);
    const key = parts(`${type}.key`, map.key, 'key');
    if (map.key !== undefined) for (const name of ['id', 'version']) column(`${type}.key.${name}`, key[name]);
    optional(`${type}.key`, key, 'tenant', 'row');
    optional(type, map, 'created', 'modified', 'rest');
    if (typeof map.attributes !== 'object' || map.attributes === null)
      report(`${type}.attributes`, `must have the columns by attribute, not ${shown(map.attributes)}`);
    for (const [path, its] of Object.entries(map.attributes ?? {}))
      attribute(`${type}.attributes[${JSON.stringify(path)}]`, its);
    if (map.members !== undefined) {
      const where = `${type}.members`;
      const members = parts(where, map.members, 'members');
      if (members === map.members) tableAt(`${where}.table`, members.table);
      if (members === map.members)
        for (const name of ['group', 'member']) column(`${where}.${name}`, members[name]);
      optional(where, members, 'nested');
    }
    if (map.onDelete !== undefined) {
      const { set } = parts(`${type}.onDelete`, map.onDelete, 'onDelete');
      if (typeof set !== 'object' || set === null)
        report(`${type}.onDelete.set`, `must have values by column, not ${shown(set)}`);
    }
  }
  return problems;
}

function isColumn(given: unknown): boolean {
  if (typeof given === 'string') return given !== '';
  return typeof given === 'object' && given !== null && 'name' in given && typeof given.name === 'string';
}

function shown(given: unknown): string {
  return typeof given === 'function' ? 'a function' : (JSON.stringify(given) ?? String(given));
}
