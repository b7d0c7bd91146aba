/** Resources for who embeds the server: without tokens and HTTP, through the same use cases, hooks and record. */
import { ScimFilterError } from '../../grammar/index.ts';
import type { Caller } from '../directory/caller.ts';
import { operator } from '../directory/caller.ts';
import type { Directory, ListQuery } from '../directory/directory.ts';
import { checkWhole } from '../directory/embedder-arguments.ts';
import { ScimError } from '../error.ts';
import { suggestion } from '../nearest.ts';
import { everything, readSelection } from '../scim/projection.ts';
import type { Registry, ResourceType } from '../scim/registry.ts';
import { memberParts } from '../store/member-parts.ts';
import type { FoundResource } from '../store/store.ts';
import { Renderer } from './render.ts';
import { protocolError } from './responses.ts';

/** A resource as a GET answers it (RFC 7643 §3.1). */
export interface EmbeddedResource {
  readonly id: string;
  readonly [attribute: string]: unknown;
}

/** Of a tenant by its name, `default` unless given. */
interface OfTenant {
  readonly tenant?: string;
}

/** A query (RFC 7644 §3.4.2). */
export interface EmbeddedQuery extends OfTenant {
  readonly filter?: string;
  readonly sortBy?: string;
  readonly sortOrder?: 'ascending' | 'descending';
  /** From 1. */
  readonly startIndex?: number;
  /** 100 unless given. */
  readonly count?: number;
  readonly attributes?: readonly string[];
  readonly excludedAttributes?: readonly string[];
}

/** Resources of one type. What is refused throws a ScimError, with the status and `scimType` of an answer. */
export interface EmbeddedResources {
  /** Undefined if there is none. */
  get(id: string, options?: OfTenant): Promise<EmbeddedResource | undefined>;
  list(
    query?: EmbeddedQuery,
  ): Promise<{ readonly totalResults: number; readonly Resources: readonly EmbeddedResource[] }>;
  create(resource: object, options?: OfTenant): Promise<EmbeddedResource>;
  /** As PUT does (RFC 7644 §3.5.1). */
  replace(id: string, resource: object, options?: OfTenant): Promise<EmbeddedResource>;
  /** Operations of a PatchOp message (RFC 7644 §3.5.2). */
  patch(id: string, operations: readonly object[], options?: OfTenant): Promise<EmbeddedResource>;
  delete(id: string, options?: OfTenant): Promise<void>;
}

const queryNames: readonly string[] = [
  ...(['tenant', 'filter', 'sortBy', 'sortOrder', 'startIndex', 'count'] as const),
  ...(['attributes', 'excludedAttributes'] as const),
];

const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export interface EmbeddedTools {
  readonly directory: Directory;
  /** Throws where there is no tenant of that name. */
  readonly numberOf: (tenant: string) => Promise<number>;
  /** What `$ref` and `meta.location` begin with. */
  readonly base: string;
}

/** @throws RangeError where there is no resource type of that name. */
export function embeddedResources(
  { directory, numberOf, base }: EmbeddedTools,
  name: string,
): EmbeddedResources {
  const { registry } = directory;
  const type = typeNamed(registry, name);
  const callerOf = async ({ tenant = 'default' }: OfTenant): Promise<Caller> => ({
    ...operator(await numberOf(tenant), { kind: 'embedder' }, 'generic'),
    base,
  });
  const whole = new Renderer(type, { registry, base, selection: everything });
  const shown = async (renderer: Renderer, resource: FoundResource): Promise<EmbeddedResource> => {
    let members = '';
    for await (const part of memberParts(resource)) members += members === '' ? part : `,${part}`;
    return JSON.parse(renderer.text(resource, members)) as EmbeddedResource;
  };
  const read = async (caller: Caller, id: string): Promise<EmbeddedResource> =>
    shown(whole, await directory.get(caller, type, id, whole.parts));
  return refusing({
    async get(id, options = {}) {
      const found = await directory.find(await callerOf(options), type, id, whole.parts);
      return found === undefined ? undefined : shown(whole, found);
    },
    async list({ tenant, filter, sortBy, sortOrder, startIndex = 1, count = 100, ...selected } = {}) {
      checkWhole({ 'list: startIndex': startIndex, 'list: count': count });
      for (const name of Object.keys(selected))
        if (!queryNames.includes(name))
          throw new TypeError(`list: unknown option "${name}"${suggestion(name, queryNames)}`);
      const selection = readSelection(selected.attributes, selected.excludedAttributes);
      const renderer = new Renderer(type, { registry, base, selection });
      const query: ListQuery = {
        ...{ types: [type], filter, sortBy, sortOrder },
        ...{ limit: Math.max(0, count), offset: Math.max(0, startIndex - 1) },
        ...renderer.parts,
      };
      const page = await directory.list(await callerOf(tenant === undefined ? {} : { tenant }), query);
      const resources: EmbeddedResource[] = [];
      for (const resource of page.resources) resources.push(await shown(renderer, resource));
      return { totalResults: page.total, Resources: resources };
    },
    async create(resource, options = {}) {
      const caller = await callerOf(options);
      return read(
        caller,
        (await directory.create(caller, type, { schemas: [type.schema.id], ...resource })).id,
      );
    },
    async replace(id, resource, options = {}) {
      const caller = await callerOf(options);
      await directory.replace(caller, type, id, { schemas: [type.schema.id], ...resource });
      return read(caller, id);
    },
    async patch(id, operations, options = {}) {
      const caller = await callerOf(options);
      await directory.patch(caller, type, id, { schemas: [patchOp], Operations: operations });
      return read(caller, id);
    },
    async delete(id, options = {}) {
      await directory.delete(await callerOf(options), type, id);
    },
  });
}

/** What is refused is a ScimError, as the answer would have it. */
function refusing(resources: EmbeddedResources): EmbeddedResources {
  const calls = Object.entries(resources) as [string, (...given: unknown[]) => Promise<unknown>][];
  const refused = (error: unknown): never => {
    if (error instanceof ScimFilterError)
      throw new ScimError(400, error.scimType, error.message, { cause: error });
    throw protocolError(error);
  };
  return Object.fromEntries(
    calls.map(([name, call]) => [name, (...given: unknown[]) => call(...given).catch(refused)]),
  ) as unknown as EmbeddedResources;
}

function typeNamed({ resourceTypes }: Registry, name: string): ResourceType {
  const type = resourceTypes.find((each) => each.name === name);
  if (type === undefined) throw new RangeError(`there is no resource type ${name}`);
  return type;
}
