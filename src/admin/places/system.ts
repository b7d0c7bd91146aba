import { typeNamed } from '../api/resources.ts';
import { actionsOf, actionsQuery, explainedFor, matching } from '../api/system.ts';
import type { Page } from '../layout.ts';
import { actionsPage, workbenchPage } from '../pages/system.ts';

import { type Given, pageOf, parsed } from './given.ts';

export async function showWorkbench(given: Given): Promise<Page> {
  const { query, view } = given;
  const type = typeNamed(given.parts, query.type ?? 'User').name;
  const filter = query.filter?.slice(0, 4000) ?? '';
  const asked = { ...given, query: { tenant: query.tenant }, body: { filter, type } };
  const explained = filter === '' ? undefined : await explainedFor(asked);
  const people =
    explained === undefined || explained.problem !== undefined
      ? []
      : (await matching(asked, filter, type)).resources;
  const types = given.parts.store.registry.resourceTypes.map(({ name }) => name);
  return pageOf(
    'Filter workbench',
    '/system',
    workbenchPage({ filter, type }, explained, people, types, view),
  );
}

export async function showActions(given: Given): Promise<Page> {
  const query = parsed(actionsQuery, given.query);
  return pageOf(
    'Actions',
    '/system',
    actionsPage(await actionsOf({ ...given, query }), query.before, given.view),
  );
}
