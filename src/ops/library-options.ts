/** Checks the options of the embedded server as those of the command line are: each name, each value, all problems at once. */
import * as v from 'valibot';
import { suggestion } from '../nearest.ts';
import { ConfigurationError } from './configuration-error.ts';
import { checkTogether } from './cross-field-rules.ts';
import { type OptionName, optionNames, optionOf } from './options.ts';

/** Options that are the command line's settings under another name. */
const renamed: Readonly<Record<string, OptionName>> = {
  basicAuth: 'auth.basic',
  retentionDays: 'changes.retentionDays',
  silentHours: 'connections.silentHours',
  privateReceivers: 'changes.privateReceivers',
  'tokenEndpoint.seconds': 'auth.accessTokenSeconds',
};

const ofSettings = Object.keys(renamed).filter((name) => !name.includes('.'));

/** Options that are groups of settings. */
const groups = ['limits', 'jwt', 'tokenEndpoint', 'guard'] as const;

type Kind = 'function' | 'array' | 'object' | 'string' | 'boolean';

/** What only a program can give. */
const own: Readonly<Record<string, Kind>> = {
  schemas: 'array',
  resourceTypes: 'array',
  roles: 'object',
  entitlements: 'object',
  documentationUri: 'string',
  log: 'object',
  observe: 'function',
  onWrongToken: 'function',
  onGuard: 'function',
  metrics: 'function',
  isReady: 'function',
  clock: 'function',
  before: 'function',
  within: 'function',
  after: 'function',
  recordAddresses: 'boolean',
  store: 'object',
  authenticate: 'function',
  link: 'function',
  migrate: 'boolean',
};

/** Settings that are options of the same name. */
const shared: readonly OptionName[] = [
  ...(['database', 'basePath', 'baseUrl', 'trustedProxies', 'profile'] as const),
  ...(['publicDiscovery', 'sensitiveAttributes', 'containsIndex'] as const),
];

function membersOf(group: (typeof groups)[number]): string[] {
  if (group === 'tokenEndpoint') return ['seconds'];
  return optionNames
    .filter((name) => name.startsWith(`${group}.`))
    .map((name) => name.slice(group.length + 1));
}

/**
 * `more` are further options that only a program can give.
 * @throws ConfigurationError with what is wrong, a line each.
 */
export function checkLibraryOptions(options: object, more: Readonly<Record<string, Kind>> = {}): void {
  if (typeof options !== 'object' || options === null)
    throw new ConfigurationError([`the options must be an object, not ${shown(options)}`]);
  const problems: string[] = [];
  const values = new Map<OptionName, unknown>(optionNames.map((name) => [name, optionOf(name).default]));
  const origins = new Map<string, string>(optionNames.map((name) => [name, 'default']));
  const kinds = { ...own, ...more };
  const names = [...shared, ...Object.keys(kinds), ...ofSettings, ...groups];

  const check = (path: string, setting: OptionName, value: unknown): void => {
    const result = v.safeParse(optionOf(setting).type, value);
    values.set(setting, value);
    origins.set(setting, 'options');
    if (!result.success) problems.push(`${path} ${result.issues[0].message}, not ${shown(value)}`);
  };

  for (const [name, value] of Object.entries(options)) {
    if (!names.includes(name)) problems.push(`unknown option "${name}"${suggestion(name, names)}`);
    else if (value === undefined) continue;
    else if (name in kinds) {
      const kind = Array.isArray(value) ? 'array' : typeof value;
      if (kind !== kinds[name])
        problems.push(`${name} must be of the type ${kinds[name]}, not ${shown(value)}`);
    } else if (isGroup(name)) checkGroup(name, value);
    else check(name, renamed[name] ?? (name as OptionName), value);
  }
  const { database, store } = options as { readonly database?: unknown; readonly store?: unknown };
  if (database === undefined && store === undefined)
    problems.push('database must be a file name, :memory: or postgres://…, or store your tables');
  if (database !== undefined && store !== undefined)
    problems.push('database and store exclude one another: give only one');
  if (store !== undefined && (options as { readonly containsIndex?: unknown }).containsIndex !== undefined)
    problems.push('containsIndex needs a database of scimd: make an index of your own on your tables');
  if (typeof store === 'object' && !isTablesSource(store))
    problems.push(
      'store must be what sql(…), drizzle(…) or kysely(…) answers for your database and its tables',
    );
  for (const name of ['link', 'migrate'])
    if (store === undefined && (options as Readonly<Record<string, unknown>>)[name] !== undefined)
      problems.push(`${name} is for tables of your own: give them as store`);
  if (problems.length === 0) problems.push(...checkTogether(values, origins));
  if (problems.length > 0) throw new ConfigurationError(problems);

  function checkGroup(group: (typeof groups)[number], value: unknown): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      problems.push(`${group} must be an object, not ${shown(value)}`);
      return;
    }
    const members = membersOf(group);
    for (const [member, given] of Object.entries(value)) {
      const path = `${group}.${member}`;
      if (!members.includes(member))
        problems.push(`unknown option "${path}"${suggestion(member, members, `${group}.`)}`);
      else if (given !== undefined) check(path, renamed[path] ?? (path as OptionName), given);
    }
  }
}

function isTablesSource(store: object | null): boolean {
  const { database, tables } = (store ?? {}) as { readonly database?: object; readonly tables?: unknown };
  return typeof database?.['run' as never] === 'function' && typeof tables === 'object' && tables !== null;
}

function isGroup(name: string): name is (typeof groups)[number] {
  return (groups as readonly string[]).includes(name);
}

function shown(value: unknown): string {
  const text = typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
