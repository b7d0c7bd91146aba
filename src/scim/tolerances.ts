/**
 * Tolerances: what identity providers send that RFC 7643 or 7644 does not allow and that can be read in one way
 * only. Each is one named function that gives the reading, or undefined when the input is not that quirk. The
 * token's provider decides which are on; each use is recorded and shown to the operator.
 */
import type { AttrPath } from '../../grammar/ast.ts';
import type { ResourceType } from './registry.ts';

/** The providers of `--idp`. `generic` has every tolerance, `strict` has none. */
export const idps = [
  'generic',
  'strict',
  'okta',
  'entra',
  'onelogin',
  'jumpcloud',
  'google',
  'ping',
] as const;
/** Whose reading of RFC 7643 and 7644 is accepted: a provider's, `generic` for all of theirs, `strict` for none. */
export type Idp = (typeof idps)[number];

interface Tolerance<Arguments extends readonly unknown[], Result> {
  /** Providers that were seen to send it; `generic` has all. */
  readonly providers: readonly Exclude<Idp, 'generic' | 'strict'>[];
  readonly read: (...args: Arguments) => Result | undefined;
}

function tolerance<Arguments extends readonly unknown[], Result>(
  definition: Tolerance<Arguments, Result>,
): Tolerance<Arguments, Result> {
  return definition;
}

const coreSchema = /^urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group)$/i;

function isSame(uri: string, other: string): boolean {
  return uri.toLowerCase() === other.toLowerCase();
}

type Operation = 'add' | 'remove' | 'replace';

/** Does it begin as the JSON text of an object or an array does? It is no id then, and no address, even if it is broken. */
export function isJsonText(text: unknown): text is string {
  return typeof text === 'string' && /^\s*(?:\{\s*["}]|\[\s*["{[\]])/.test(text);
}

/** Undefined for what is no JSON, and for what no store can hold. */
function parsedJson(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return /\\u(?:0000|d[89a-f])/i.test(JSON.stringify(parsed)) ? undefined : parsed;
  } catch {
    return undefined;
  }
}

function isEmptyObject(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
  );
}

export const tolerances = {
  operationCase: tolerance({
    providers: ['entra'],
    read: (op: string): Operation | undefined => {
      const lower = op.toLowerCase();
      return lower === 'add' || lower === 'remove' || lower === 'replace' ? lower : undefined;
    },
  }),
  patchWithoutContent: tolerance({
    providers: ['entra'],
    read: (used: ReadonlySet<string>): true | undefined => (used.has('operationCase') ? true : undefined),
  }),
  booleanText: tolerance({
    providers: ['entra', 'onelogin'],
    read: (text: unknown): boolean | undefined => {
      if (typeof text !== 'string') return undefined;
      const lower = text.toLowerCase();
      return lower === 'true' ? true : lower === 'false' ? false : undefined;
    },
  }),
  numberText: tolerance({
    providers: ['entra'],
    read: (text: unknown, pattern: RegExp): number | undefined =>
      typeof text === 'string' && pattern.test(text) ? Number(text) : undefined,
  }),
  singleForArray: tolerance({
    providers: ['onelogin', 'entra'],
    read: (value: unknown): readonly unknown[] | undefined =>
      Array.isArray(value) || value === '' ? undefined : [value],
  }),
  arrayForSingle: tolerance({
    providers: ['entra'],
    read: (value: unknown): { readonly value: unknown } | undefined =>
      // `[null]` does not say that there is to be none, as `[]` does.
      Array.isArray(value) && (value.length === 0 || (value.length === 1 && value[0] != null))
        ? { value: value[0] ?? null }
        : undefined,
  }),
  scalarForComplex: tolerance({
    providers: ['entra', 'okta', 'onelogin'],
    read: (value: unknown): { readonly value: string } | undefined =>
      typeof value === 'string' && value !== '' && !isJsonText(value) ? { value } : undefined,
  }),
  jsonText: tolerance({
    providers: [],
    read: (value: unknown): object | undefined => {
      if (!isJsonText(value)) return undefined;
      const parsed = parsedJson(value);
      // The text of an empty array is no way to say that everything is to go.
      return typeof parsed === 'object' && parsed !== null && Object.keys(parsed).length > 0
        ? parsed
        : undefined;
    },
  }),
  objectForScalar: tolerance({
    providers: ['entra'],
    read: (value: unknown): { readonly value: unknown } | undefined => {
      if (typeof value !== 'object' || value === null || !('value' in value)) return undefined;
      return Object.keys(value).every((name) => name === 'value' || name === '$ref')
        ? { value: value.value }
        : undefined;
    },
  }),
  emptyText: tolerance({
    providers: ['entra', 'okta', 'onelogin'],
    read: (value: unknown): true | undefined => (value === '' ? true : undefined),
  }),
  unknownSchema: tolerance({
    providers: ['entra', 'okta', 'onelogin', 'ping'],
    read: (uri: string): { readonly ignored: string } => ({ ignored: uri }),
  }),
  schemasLeftOut: tolerance({
    providers: [],
    read: (schemas: unknown): true | undefined =>
      schemas == null || (Array.isArray(schemas) && schemas.length === 0) ? true : undefined,
  }),
  messageSchemas: tolerance({
    providers: [],
    read: (schemas: unknown, resourceSchema: string | undefined): true | undefined => {
      if (schemas == null) return true;
      if (!Array.isArray(schemas)) return undefined;
      const isForeign = (uri: unknown) =>
        typeof uri !== 'string' ||
        /^urn:ietf:params:scim:api:messages:2\.0:(?:PatchOp|BulkRe(?:quest|sponse)|SearchRequest|ListResponse|Error)$/i.test(
          uri,
        ) ||
        (resourceSchema !== undefined && coreSchema.test(uri) && !isSame(uri, resourceSchema));
      return schemas.some(isForeign) ? undefined : true;
    },
  }),
  freeText: tolerance({
    providers: ['entra', 'okta', 'onelogin', 'jumpcloud', 'google', 'ping'],
    read: (text: string, acceptable: boolean): string | undefined => (acceptable ? text : undefined),
  }),
  pathlessArray: tolerance({
    providers: [],
    read: (value: unknown): { readonly value: unknown } | undefined =>
      Array.isArray(value) && value.length === 1 ? { value: value[0] } : undefined,
  }),
  wrappedValue: tolerance({
    providers: [],
    read: (value: unknown, names: readonly string[]): { readonly value: unknown } | undefined => {
      const object: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
      if (typeof object !== 'object' || object === null) return undefined;
      const [only, ...others] = Object.entries(object);
      return only !== undefined && others.length === 0 && names.includes(only[0].toLowerCase())
        ? { value: only[1] }
        : undefined;
    },
  }),
  dottedKey: tolerance({
    providers: ['entra'],
    read: (key: string): string | undefined => (/[.[]/.test(key) ? key : undefined),
  }),
  qualifiedKey: tolerance({
    providers: [],
    read: (path: AttrPath): AttrPath | undefined => (path.schema === undefined ? undefined : path),
  }),
  urnDotPath: tolerance({
    providers: ['entra'],
    read: (path: AttrPath, type: ResourceType): AttrPath | undefined => {
      if (path.schema === undefined || path.subAttr === undefined) return undefined;
      const urn = `${path.schema}:${path.name}`;
      return type.extensions.has(urn.toLowerCase()) || type.schema.id.toLowerCase() === urn.toLowerCase()
        ? { type: 'attrPath', schema: urn, name: path.subAttr, range: path.range }
        : undefined;
    },
  }),
  coreSchemaObject: tolerance({
    providers: [],
    read: (value: unknown): Record<string, unknown> | undefined =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as Record<string, unknown>)
        : undefined,
  }),
  readOnlyInValue: tolerance({
    providers: ['okta', 'entra', 'onelogin', 'jumpcloud', 'ping'],
    read: (name: string): { readonly ignored: string } => ({ ignored: name }),
  }),
  removeWithValue: tolerance({
    providers: ['entra', 'jumpcloud', 'okta'],
    read: (value: unknown): { readonly value: unknown } | undefined =>
      value === undefined || value === null ? undefined : { value },
  }),
  removeWithoutMatch: tolerance({
    providers: ['okta', 'entra', 'onelogin', 'jumpcloud', 'google', 'ping'],
    read: (): true => true,
  }),
  addByValuePath: tolerance({
    providers: ['okta', 'entra', 'onelogin', 'jumpcloud', 'google', 'ping'],
    read: (element: Record<string, unknown> | undefined): Record<string, unknown> | undefined => element,
  }),
  createByValuePath: tolerance({
    providers: ['entra'],
    read: (element: Record<string, unknown> | undefined): Record<string, unknown> | undefined => element,
  }),
  memberByFilter: tolerance({
    providers: ['entra'],
    read: (
      value: unknown,
      member: Record<string, unknown> | undefined,
    ): Record<string, unknown> | undefined =>
      value === undefined || value === null || value === '' || value === '[]' || isEmptyObject(value)
        ? member
        : undefined,
  }),
  extraSlash: tolerance({
    providers: ['okta', 'entra', 'onelogin', 'jumpcloud', 'google', 'ping'],
    read: (path: string): string | undefined => {
      const plain = path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
      return plain === path ? undefined : plain;
    },
  }),
  endpointCase: tolerance({
    providers: ['entra'],
    read: (endpoint: string, known: readonly string[]): string | undefined =>
      known.find((candidate) => candidate.toLowerCase() === endpoint.toLowerCase()),
  }),
} as const;

/** The name of one thing that is accepted although RFC 7643 or 7644 does not allow it. */
export type ToleranceName = keyof typeof tolerances;

/**
 * Readings of what RFC 7643 or 7644 does not allow, by the tolerance's name: each function gives the value meant, or
 * undefined where the input is not that quirk. What has no function is not tolerated.
 */
export type Readings = {
  readonly [Name in ToleranceName]?: (typeof tolerances)[Name]['read'];
};

/** Which tolerances a request has, and which it used. */
export interface Tolerated {
  readonly enabled: ReadonlySet<ToleranceName>;
  readonly used: Set<ToleranceName>;
  /** In place of those above. */
  readonly readings?: Readings;
}

const enabledFor = new Map<Idp, ReadonlySet<ToleranceName>>(
  idps.map((idp) => [
    idp,
    new Set(
      (Object.keys(tolerances) as ToleranceName[]).filter(
        (name) =>
          idp === 'generic' || (idp !== 'strict' && tolerances[name].providers.includes(idp as never)),
      ),
    ),
  ]),
);

/** The tolerances of a provider, with none used yet. An unknown name has the generic set. */
export function toleratedFor(idp: string): Tolerated {
  return {
    enabled: enabledFor.get(idp as Idp) ?? (enabledFor.get('generic') as Set<ToleranceName>),
    used: new Set(),
  };
}

/**
 * The readings of a provider (RFC 7643, RFC 7644), as functions: to leave some out, or to give others in their place. Of an
 * unknown name it is the generic set.
 */
export function readingsOf(idp: Idp): Readings {
  const { enabled } = toleratedFor(idp);
  return Object.fromEntries([...enabled].map((name) => [name, tolerances[name].read]));
}

/** The tolerances of a provider, or an embedder's own, with none used yet. */
export function toleratedBy(given: Idp | Readings): Tolerated {
  if (typeof given === 'string') return toleratedFor(given);
  const names = Object.keys(given) as ToleranceName[];
  return {
    enabled: new Set(names.filter((name) => given[name] !== undefined)),
    used: new Set(),
    readings: given,
  };
}

/** The reading of a quirk, recorded as used; undefined if it is not that quirk or the tolerance is off. */
export function tolerate<Name extends ToleranceName>(
  tolerated: Tolerated,
  name: Name,
  ...args: Parameters<(typeof tolerances)[Name]['read']>
): ReturnType<(typeof tolerances)[Name]['read']> | undefined {
  if (!tolerated.enabled.has(name)) return undefined;
  const read = (tolerated.readings?.[name] ?? tolerances[name].read) as (
    ...all: unknown[]
  ) => ReturnType<(typeof tolerances)[Name]['read']>;
  const reading = read(...args);
  if (reading !== undefined) tolerated.used.add(name);
  return reading;
}

/**
 * Must the POST of a group whose name is in use be refused? Microsoft's validator asks for it, and Entra ID looks groups
 * up by name before it creates them. A rename is not refused: it comes with other changes, which would be lost.
 */
export function demandsNewGroupName(idp: string): boolean {
  return idp === 'entra';
}
