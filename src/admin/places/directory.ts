import { ScimFilterError } from '../../../grammar/index.ts';
import { ScimError } from '../../error.ts';
import type { ResourceType } from '../../scim/registry.ts';
import { confirmationsOf } from '../api/access.ts';
import { tenantFor } from '../api/endpoint.ts';
import {
  changeShown,
  groupShown,
  historyOf,
  resourceOf,
  resourceQuery,
  resourcesFor,
  summary,
  typeNamed,
} from '../api/resources.ts';
import { nameOfDocument } from '../explained.ts';
import type { Page } from '../layout.ts';
import { elapsed } from '../pages/access.ts';
import { deletedPage, directoryPage, resourcePage } from '../pages/directory.ts';
import { type Given, pageOf, parsed } from './given.ts';

export async function showDirectory(given: Given): Promise<Page> {
  const { query, view } = given;
  const type = typeNamed(given.parts, query.type ?? 'User').name;
  const asked = parsed(resourceQuery, query);
  const types = given.parts.store.registry.resourceTypes.map(({ name }) => name);
  const more = { type, q: asked.q ?? '', after: asked.after };
  try {
    const found = await resourcesFor({ ...given, query: asked }, type);
    return pageOf('Directory', '/directory', directoryPage(found, more, types, view));
  } catch (error) {
    if (!(error instanceof ScimFilterError)) throw error;
    const { detail, offset, length } = error;
    return pageOf(
      'Directory',
      '/directory',
      directoryPage(undefined, { ...more, problem: { detail, offset, length } }, types, view),
    );
  }
}

export async function showDeleted(given: Given): Promise<Page> {
  const type = typeNamed(given.parts, given.query.type ?? 'User');
  const tenant = await tenantFor(given, given.query.tenant);
  const deleted = await given.parts.store.deletions({ tenant: tenant.number, type, limit: 200 });
  const rows = deleted.map(({ id, at, last }) => ({ id, at, name: nameOfDocument(last.document) ?? id }));
  const types = given.parts.store.registry.resourceTypes.map(({ name }) => name);
  return pageOf('Deleted', '/directory', deletedPage(rows, type.name, types, given.view));
}

export async function showResource(given: Given): Promise<Page> {
  const { store, directory } = given.parts;
  const { type, tenant, resource } = await resourceOf({ ...given, query: { tenant: given.query.tenant } });
  const id = given.path.id ?? '';
  const changes = await historyOf(given.parts, tenant, id);
  const deletion = resource === undefined ? await store.deletion({ tenant, type, id }) : undefined;
  if (resource === undefined && changes.length === 0)
    throw new ScimError(404, undefined, `There is no ${type.name} with this id, and none is recorded`);
  const members =
    resource === undefined || type.name === 'User' ? [] : await membersOf(given, type, tenant, id);
  const mentioned = changes
    .slice(0, 50)
    .flatMap(({ added = [], removed = [] }) => [...added.slice(0, 4), ...removed.slice(0, 4)]);
  const names = new Map<string, string>();
  for (const [each, found] of await store.feed.resources(tenant, new Set(mentioned))) {
    const name = nameOfDocument(JSON.parse(found.resource.body));
    if (name !== undefined) names.set(each, name);
  }
  const leaving = changes
    .filter(({ operation, edits }) => operation === 'delete' || edits.some(({ path }) => path === 'active'))
    .slice(0, 20);
  const confirmed = await confirmationsOf(store, tenant, leaving);
  const confirmations = new Map(
    leaving.map((change) => [
      change.sequence,
      confirmed(change).map(
        ({ application, after }) =>
          `${application} ${after === undefined ? 'has not confirmed' : `confirmed +${elapsed(after)}`}`,
      ),
    ]),
  );
  const last = changes.find((each) => each.last !== undefined);
  const lock = (await store.grants.locks(tenant)).find((each) => each.id === id);
  const shown = {
    resource: resource === undefined ? undefined : summary(resource),
    gone:
      resource === undefined && last !== undefined
        ? { name: nameOfDocument(last.last?.document) ?? id, at: last.at }
        : undefined,
    ...{ id, type: type.name },
    document: resource === undefined ? (deletion?.last.document ?? {}) : JSON.parse(resource.body),
    groups: (resource?.groups ?? []).map(groupShown),
    members,
    memberCount:
      members.length < 100 ? members.length : await directory.store.memberCount(tenant, id, 1_000_000),
    history: changes.map(changeShown),
    ...{ names, confirmations, lock, canLock: true },
  };
  return pageOf(
    shown.resource?.name ?? shown.gone?.name ?? id,
    '/directory',
    resourcePage(shown, given.view),
  );
}

/** The first members of a group, whatever its size, by name. */
async function membersOf(given: Given, type: ResourceType, tenant: number, id: string) {
  const { store } = given.parts;
  const found = await store.get({ tenant, type, id, members: true, base: given.base });
  const { members } = found ?? {};
  let text: string | undefined;
  if (typeof members === 'object') {
    text = await members.next();
    members.close();
  } else text = members;
  const first = (
    JSON.parse(`[${text ?? ''}]`) as readonly { value: string; display?: string; type?: string }[]
  ).slice(0, mostMembers);
  const known = await store.feed.resources(
    tenant,
    first.map(({ value }) => value),
  );
  return first.map(({ value, display, type: kind }) => {
    const resource = known.get(value)?.resource;
    const name = resource === undefined ? undefined : nameOfDocument(JSON.parse(resource.body));
    return { id: value, name: name ?? display ?? value, type: resource?.type ?? kind ?? 'User' };
  });
}

/** Members of a group that one page shows. */
const mostMembers = 100;
