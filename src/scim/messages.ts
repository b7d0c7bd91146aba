/**
 * The messages that clients send (RFC 7644 §3.4.3, §3.5.2, §3.7): each declared once, as the schema by which it is
 * checked. Operations are read by those who carry them out.
 */
import * as v from 'valibot';
import { ScimError, type ScimType } from '../error.ts';
import { hasOnly, isObject, kind, membersByName } from './object.ts';
import type { ResourceType } from './registry.ts';
import { type Tolerated, tolerate } from './tolerances.ts';

type Issue = v.BaseIssue<unknown>;

/** `must be a string, not an object`; a number is shown itself. */
const must = (what: string) => (issue: Issue) =>
  issue.input === undefined
    ? `is required and must be ${what}`
    : `must be ${what}, not ${typeof issue.input === 'number' ? issue.input : kind(issue.input)}`;

/** Null stands for a member that is left out (RFC 7643 §2.5). */
const text = () => v.nullish(v.string(must('a string')));
const names = () => v.nullish(v.array(v.string(must('a string')), must('an array of attribute names')));
const integer = (what = 'an integer', from = Number.MIN_SAFE_INTEGER) => {
  const rule = must(what);
  return v.nullish(v.pipe(v.number(rule), v.safeInteger(rule), v.minValue(from, rule)));
};

function message<const Name extends string, const Entries extends v.ObjectEntries>(
  name: Name,
  entries: Entries,
) {
  const urn = `urn:ietf:params:scim:api:messages:2.0:${name}`;
  const rule = `must contain ${urn}`;
  const schemas = v.pipe(
    v.array(v.string(must('a string')), (issue) => `${must('an array of URIs')(issue)}; it ${rule}`),
    v.check((uris) => uris.some((uri) => isSameUri(uri, urn)), rule),
  );
  const schema = v.object({ schemas, ...entries });
  /** As RFC 7644 spells them, by lower-cased name. */
  const spelled = new Map(Object.keys(schema.entries).map((member) => [member.toLowerCase(), member]));
  return { name, urn, schema, spelled };
}

/** At least one, of whatever form. */
function operationsOf(name: string) {
  const what = 'an array of at least one operation';
  return v.pipe(
    v.array(v.unknown(), (issue) =>
      issue.input === undefined ? `is required: a ${name} needs ${what}` : must(what)(issue),
    ),
    v.minLength(1, `must be ${what}`),
  );
}

const patchOp = message('PatchOp', { Operations: operationsOf('PatchOp') });

/** A message of these members needs no schema: shown by the workload `member-10000` of npm run bench. */
const patchOpNames: ReadonlySet<string> = new Set(['schemas', 'Operations']);

const bulkRequest = message('BulkRequest', {
  failOnErrors: integer('a positive integer, or 0 for no limit', 0),
  Operations: operationsOf('BulkRequest'),
});

/** With the cursor of RFC 9865 §2. */
const searchRequest = message('SearchRequest', {
  attributes: names(),
  excludedAttributes: names(),
  filter: text(),
  sortBy: text(),
  sortOrder: text(),
  startIndex: integer(),
  count: integer(),
  cursor: text(),
});

export const patchOpSchema = patchOp.urn;

/** The schemas by which messages are checked, for OpenAPI. */
export const messageSchemas = {
  PatchOp: patchOp.schema,
  BulkRequest: bulkRequest.schema,
  SearchRequest: searchRequest.schema,
} as const;

export type BulkRequest = v.InferOutput<typeof bulkRequest.schema>;
export type SearchRequest = v.InferOutput<typeof searchRequest.schema>;

/** The operations of a PatchOp message (RFC 7644 §3.5.2) for a resource of the type. Throws 400 invalidSyntax. */
export function readPatchOp(body: unknown, type: ResourceType, tolerated: Tolerated): readonly unknown[] {
  if (hasOnly(body, patchOpNames)) {
    const { schemas, Operations } = body;
    const isUsual = Array.isArray(schemas) && schemas.length === 1 && schemas[0] === patchOp.urn;
    if (isUsual && Array.isArray(Operations) && Operations.length > 0) return Operations;
  }
  return read(patchOp, body, tolerated, type.schema.id).Operations;
}

/** A BulkRequest message (RFC 7644 §3.7). Throws 400 invalidSyntax. */
export function readBulkRequest(body: unknown, tolerated: Tolerated): BulkRequest {
  return read(bulkRequest, body, tolerated);
}

/** A SearchRequest message (RFC 7644 §3.4.3). Throws 400 invalidSyntax, invalidValue or invalidCount. */
export function readSearchRequest(body: unknown, tolerated: Tolerated): SearchRequest {
  return read(searchRequest, body, tolerated);
}

function read<const Entries extends v.ObjectEntries>(
  { name, urn, schema, spelled }: Message<Entries>,
  body: unknown,
  tolerated: Tolerated,
  resourceSchema?: string,
): v.InferOutput<v.ObjectSchema<Entries, undefined>> {
  if (!isObject(body)) throw new ScimError(400, 'invalidSyntax', `The body must be a JSON object: a ${name}`);
  const given = membersByName(body, '');
  const members: Record<string, unknown> = {};
  for (const [lower, member] of spelled) members[member] = asMeant(member, given.get(lower), tolerated);
  members.schemas = schemasOf(members.schemas, urn, resourceSchema, tolerated);
  const result = v.safeParse(schema, members, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const [member, index] = (issue.path ?? []).map(({ key }) => key);
  const path = index === undefined ? `${member}` : `${member}[${index}]`;
  throw new ScimError(400, scimTypeOf(`${member}`, members), `${path} ${issue.message}`);
}

const integers: ReadonlySet<string> = new Set(['startIndex', 'count', 'failOnErrors']);
const lists: ReadonlySet<string> = new Set(['attributes', 'excludedAttributes']);

/** What stands in a text as the query of a GET has it: a number, or names with commas between them. */
function asMeant(member: string, given: unknown, tolerated: Tolerated): unknown {
  if (typeof given !== 'string') return given;
  if (integers.has(member)) return tolerate(tolerated, 'numberText', given, /^-?\d+$/) ?? given;
  if (!lists.has(member)) return given;
  if (tolerate(tolerated, 'emptyText', given)) return null;
  return tolerate(tolerated, 'singleForArray', given) === undefined ? given : given.split(',');
}

interface Message<Entries extends v.ObjectEntries> {
  readonly name: string;
  readonly urn: string;
  readonly schema: v.ObjectSchema<Entries, undefined>;
  readonly spelled: ReadonlyMap<string, string>;
}

function isSameUri(uri: unknown, urn: string): boolean {
  return uri === urn || (typeof uri === 'string' && uri.toLowerCase() === urn.toLowerCase());
}

/** What the member is taken for: what it says, or what a tolerance makes of it. */
function schemasOf(
  given: unknown,
  urn: string,
  resourceSchema: string | undefined,
  tolerated: Tolerated,
): unknown {
  const schemas = typeof given === 'string' ? (tolerate(tolerated, 'singleForArray', given) ?? given) : given;
  if (Array.isArray(schemas) && schemas.some((uri) => isSameUri(uri, urn))) return schemas;
  return tolerate(tolerated, 'messageSchemas', schemas, resourceSchema) === undefined ? schemas : [urn];
}

/** What kind of error a wrong member is (RFC 7644 §3.12; RFC 9865 §2.1 for the count of a page by cursor). */
function scimTypeOf(member: string, { cursor }: Readonly<Record<string, unknown>>): ScimType {
  if (member === 'startIndex') return 'invalidValue';
  if (member === 'count') return typeof cursor === 'string' ? 'invalidCount' : 'invalidValue';
  return 'invalidSyntax';
}
