/** Rows that are there already, and become resources: the embedder's own code finds them. */
import type { Document } from '../../scim/document.ts';
import type { Unit } from '../store.ts';
import type { Awaitable } from '../stored-resource.ts';

/** Finds the row that a new resource is to be, which is there already: its key, or nothing. */
export type Link = (
  resource: Document,
  about: { readonly type: string; readonly tenant: string },
) => Awaitable<unknown>;

/** The keys of rows that the unit's new resources are to be, by the indexes of their commands. */
export async function linksOf(
  { commands, tenant }: Unit,
  link: Link | undefined,
  tenantName: (tenant: number) => string,
): Promise<ReadonlyMap<number, unknown>> {
  const links = new Map<number, unknown>();
  if (link === undefined) return links;
  for (const [index, command] of commands.entries()) {
    if (command.kind !== 'create') continue;
    const about = { type: command.type.name, tenant: tenantName(tenant) };
    const found = await link(command.document, about);
    if (found !== undefined && found !== null) links.set(index, found);
  }
  return links;
}
