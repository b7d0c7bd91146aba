/** People, groups and other resources over the admin API: found by words or by a filter, shown with their history. */
import * as v from 'valibot';
import { ScimFilterError } from '../../../grammar/index.ts';
import { type Caller, operator } from '../../directory/caller.ts';
import { ScimError } from '../../error.ts';
import { forgottenPerson } from '../../history/forgotten.ts';
import { noticeText } from '../../history/timeline.ts';
import type { Document } from '../../scim/document.ts';
import { patchOpSchema } from '../../scim/messages.ts';
import type { ResourceType } from '../../scim/registry.ts';
import type { Actor, Change } from '../../store/change.ts';
import type { FoundResource, GroupReference } from '../../store/store.ts';
import { nameOfDocument } from '../explained.ts';
import {
  type Asked,
  endpoint,
  line,
  noteAction,
  optionalLine,
  tenantFor,
  tenantQuery,
  wholeNumber,
} from './endpoint.ts';

const summaryOf = v.object({
  id: v.string(),
  type: v.string(),
  name: v.string(),
  display: v.optional(v.string()),
  active: v.optional(v.boolean()),
  externalId: v.optional(v.string()),
  modified: v.string(),
});
export type ResourceSummary = v.InferOutput<typeof summaryOf>;

export const resourceQuery = v.object({
  ...tenantQuery,
  q: optionalLine(1000),
  /** The `after` of the page before: these lists are in the order of their rows. */
  after: v.optional(
    v.pipe(v.string(), v.regex(/^\[null,(?:0|[1-9]\d{0,14})\]$/, 'must be the after of a page')),
  ),
  limit: v.optional(wholeNumber(1, 200), 50),
});

const changeShape = v.object({
  sequence: v.number(),
  at: v.string(),
  operation: v.string(),
  version: v.number(),
  by: v.string(),
  request: v.optional(v.string()),
  edits: v.array(
    v.object({
      path: v.string(),
      from: v.optional(v.unknown()),
      to: v.optional(v.unknown()),
      omitted: v.optional(v.string()),
    }),
  ),
  added: v.optional(v.array(v.string())),
  removed: v.optional(v.array(v.string())),
  tolerances: v.optional(v.array(v.string())),
  /** Of a notice: what it says, such as `locked here`. */
  notice: v.optional(v.string()),
});
export type ChangeShown = v.InferOutput<typeof changeShape>;

export function typeNamed(
  { store }: Asked<unknown, unknown>['parts'],
  name: string | undefined,
): ResourceType {
  const found = store.registry.resourceTypes.find((each) => each.name.toLowerCase() === name?.toLowerCase());
  if (found !== undefined) return found;
  throw new ScimError(404, undefined, `There is no resource type ${JSON.stringify(name)}`);
}

/** Who works in a tenant by the page: every change is recorded with them as actor. */
function callerIn(
  { session, base }: Pick<Asked<unknown, unknown>, 'session' | 'base'>,
  tenant: number,
): Caller {
  const actor: Actor = { kind: 'admin', id: session.id, name: session.name };
  return { ...operator(tenant, actor, 'strict'), base };
}

function isFilter(text: string): boolean {
  return /\s(?:eq|ne|co|sw|ew|gt|ge|lt|le|pr)\b|"|\[|\bnot\s*\(/i.test(text);
}

/** A filter as it stands, or what has the words in a name that has an index. */
function filterFor(type: ResourceType, text: string): string {
  if (isFilter(text)) return text;
  const word = JSON.stringify(text);
  const begins = ['userName', 'displayName', 'emails.value'].filter((name) =>
    type.attributes.has((name.split('.')[0] as string).toLowerCase()),
  );
  return [...begins.map((name) => `${name} sw ${word}`), `externalId eq ${word}`, `id eq ${word}`].join(
    ' or ',
  );
}

function documentOf({ body }: { readonly body: string }): Document {
  return JSON.parse(body) as Document;
}

export function summary(resource: {
  readonly id: string;
  readonly type: string;
  readonly body: string;
  readonly modified: string;
}): ResourceSummary {
  const document = documentOf(resource);
  const { active, externalId, displayName } = document;
  const name = nameOfDocument(document) ?? resource.id;
  return {
    id: resource.id,
    type: resource.type,
    name,
    ...(typeof displayName === 'string' && displayName !== name ? { display: displayName } : {}),
    ...(resource.type === 'User' ? { active: active !== false } : {}),
    ...(typeof externalId === 'string' ? { externalId } : {}),
    modified: resource.modified,
  };
}

export async function resourcesFor(
  asked: Asked<v.InferOutput<typeof resourceQuery>, unknown>,
  typeName: string | undefined,
) {
  const { parts, query } = asked;
  const type = typeNamed(parts, typeName);
  const tenant = (await tenantFor(asked, query.tenant)).number;
  const list = (filter: string | undefined) =>
    parts.directory.list(callerIn(asked, tenant), {
      types: [type],
      filter,
      limit: query.limit,
      ...(query.after === undefined ? {} : { after: query.after }),
    });
  let page = await list(query.q === undefined ? undefined : filterFor(type, query.q));
  // Other names have no index: they are looked through only where no indexed one begins so.
  if (page.total === 0 && type.name === 'User' && query.q !== undefined && !isFilter(query.q)) {
    const word = JSON.stringify(query.q);
    page = await list(`name.familyName sw ${word} or name.givenName sw ${word}`);
  }
  return {
    total: page.total,
    resources: page.resources.map(summary),
    ...(page.more && page.last !== undefined ? { after: page.last } : {}),
  };
}

/** A resource of theirs. @throws ScimError 404. */
export async function resourceOf(asked: Asked<{ readonly tenant?: string | undefined }, unknown>): Promise<{
  readonly type: ResourceType;
  readonly tenant: number;
  readonly resource: FoundResource | undefined;
}> {
  const type = typeNamed(asked.parts, asked.path.type);
  const tenant = (await tenantFor(asked, asked.query.tenant)).number;
  const resource = await asked.parts.directory.find(callerIn(asked, tenant), type, asked.path.id ?? '', {
    groups: true,
  });
  return { type, tenant, resource };
}

/** Changes of one resource, newest first. */
export async function historyOf(
  { store }: Asked<unknown, unknown>['parts'],
  tenant: number,
  id: string,
  most = 200,
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  let after = 0;
  for (;;) {
    const page = await store.changes({ tenant, id, after, limit: 1000 });
    changes.push(...page);
    if (page.length < 1000) break;
    after = page.at(-1)?.sequence ?? after;
  }
  return changes.reverse().slice(0, most);
}

export function changeShown(change: Change): ChangeShown {
  const { sequence, at, operation, version, actor, request, edits, added, removed, tolerances } = change;
  return {
    ...{ sequence, at, operation, version, by: actorName(actor) },
    edits: edits.map((edit) =>
      edit.omitted === undefined
        ? {
            path: edit.path,
            ...('from' in edit ? { from: edit.from } : {}),
            ...('to' in edit ? { to: edit.to } : {}),
          }
        : { path: edit.path, omitted: edit.omitted },
    ),
    ...(request === undefined ? {} : { request }),
    ...(added === undefined ? {} : { added: [...added] }),
    ...(removed === undefined ? {} : { removed: [...removed] }),
    ...(tolerances === undefined ? {} : { tolerances: [...tolerances] }),
    ...(operation === 'notice' ? { notice: noticeText(change.notice) } : {}),
  };
}

export function actorName({ kind, name, id }: Actor): string {
  if (kind === 'cli') return name === undefined ? 'the command line' : `${name}, at the command line`;
  if (kind === 'import') return name === undefined ? 'an import' : `an import by ${name}`;
  return name ?? id ?? kind;
}

export function groupShown({ value, display, type }: GroupReference): {
  id: string;
  display?: string;
  type: string;
} {
  return { id: value, ...(display === undefined ? {} : { display }), type };
}

/** Sets `active`, through the directory. */
function setActive(active: boolean, path: string, summary: string) {
  return endpoint({
    method: 'POST',
    path,
    summary,
    needs: 'admin',
    query: v.object(tenantQuery),
    body: v.object({}),
    answer: v.object({ id: v.string(), active: v.boolean(), changed: v.boolean() }),
    async handle(asked) {
      const tenant = (await tenantFor(asked, asked.query.tenant)).number;
      const type = typeNamed(asked.parts, 'User');
      const id = asked.path.id ?? '';
      const { changed } = await asked.parts.directory.patch(callerIn(asked, tenant), type, id, {
        schemas: [patchOpSchema],
        Operations: [{ op: 'replace', path: 'active', value: active }],
      });
      return { id, active, changed };
    },
  });
}

export const resourceEndpoints = [
  endpoint({
    method: 'GET',
    path: '/resources/{type}',
    summary: 'People, groups and other resources, by words or by a SCIM filter',
    needs: 'read',
    query: resourceQuery,
    answer: v.object({ total: v.number(), resources: v.array(summaryOf), after: v.optional(v.string()) }),
    handle: (asked) => resourcesFor(asked, asked.path.type),
  }),
  endpoint({
    method: 'GET',
    path: '/resources/{type}/{id}',
    summary: 'One resource, its groups and its history',
    needs: 'read',
    query: v.object(tenantQuery),
    answer: v.object({
      resource: summaryOf,
      document: v.record(v.string(), v.unknown()),
      groups: v.array(v.object({ id: v.string(), display: v.optional(v.string()), type: v.string() })),
      history: v.array(changeShape),
    }),
    async handle(asked) {
      const { type, tenant, resource } = await resourceOf(asked);
      if (resource === undefined)
        throw new ScimError(404, undefined, `There is no ${type.name} with this id`);
      const history = await historyOf(asked.parts, tenant, resource.id);
      return {
        resource: summary(resource),
        document: documentOf(resource),
        groups: (resource.groups ?? []).map(groupShown),
        history: history.map(changeShown),
      };
    },
  }),
  setActive(false, '/resources/User/{id}/deactivate', 'Deactivate a person'),
  setActive(true, '/resources/User/{id}/reactivate', 'Reactivate a person'),
  endpoint({
    method: 'POST',
    path: '/resources/{type}/{id}/restore',
    summary: 'Bring back what was deleted, with id, memberships and version going on',
    needs: 'admin',
    query: v.object(tenantQuery),
    body: v.object({}),
    answer: v.object({ id: v.string(), version: v.number() }),
    async handle(asked) {
      const tenant = (await tenantFor(asked, asked.query.tenant)).number;
      const type = typeNamed(asked.parts, asked.path.type);
      const { id, version } = await asked.parts.directory.restore(
        callerIn(asked, tenant),
        type,
        asked.path.id ?? '',
      );
      return { id, version };
    },
  }),
  endpoint({
    method: 'POST',
    path: '/resources/User/{id}/forget',
    summary: 'Erase a person and everything that is stored of them; it cannot be undone',
    needs: 'admin',
    query: v.object(tenantQuery),
    body: v.object({ confirm: v.literal('forget', 'must be the word forget: this cannot be undone') }),
    answer: v.object({ id: v.string(), erased: v.boolean() }),
    async handle(asked) {
      const { store, directory, options } = asked.parts;
      const tenant = await tenantFor(asked, asked.query.tenant);
      const id = asked.path.id ?? '';
      const person = await forgottenPerson(store, tenant, id);
      await directory.erase(callerIn(asked, tenant.number), typeNamed(asked.parts, 'User'), id);
      await options.exchangeLog?.forget(person);
      await noteAction(asked, 'user.forget', { tenant: tenant.number, subject: id });
      return { id, erased: true };
    },
  }),
  endpoint({
    method: 'GET',
    path: '/filter',
    summary: 'What is wrong with a filter, and where; and attributes to go on with',
    needs: 'read',
    query: v.object({ text: v.optional(line(1000), ''), type: v.optional(v.string(), 'User') }),
    answer: v.object({
      problem: v.optional(
        v.object({
          detail: v.string(),
          offset: v.number(),
          length: v.number(),
          expected: v.array(v.string()),
        }),
      ),
      names: v.array(v.string()),
    }),
    handle({ parts, query }) {
      const type = typeNamed(parts, query.type);
      return { ...problemIn(parts, type, query.text), names: completions(type, query.text) };
    },
  }),
] as const;

function problemIn(parts: Asked<unknown, unknown>['parts'], type: ResourceType, text: string) {
  if (text === '') return {};
  try {
    parts.directory.filters.plan(type, filterFor(type, text), false, { enabled: new Set(), used: new Set() });
    return {};
  } catch (error) {
    if (!(error instanceof ScimFilterError)) throw error;
    const { detail, offset, length, expected } = error;
    return { problem: { detail, offset, length, expected: [...expected] } };
  }
}

/** Attributes whose name goes on with the last word; of the type's own schema and its extensions. */
function completions(type: ResourceType, text: string): string[] {
  const word = /[\w.:$-]*$/.exec(text)?.[0].toLowerCase() ?? '';
  const names: string[] = [];
  for (const attributes of [type.attributes, ...[...type.extensions.values()].map((each) => each.attributes)])
    for (const attribute of attributes.values()) {
      if (attribute.returned === 'never') continue;
      if (attribute.subAttributes.size === 0) names.push(attribute.path);
      else for (const inner of attribute.subAttributes.values()) names.push(inner.path);
    }
  return names.filter((name) => name.toLowerCase().includes(word)).slice(0, 12);
}
