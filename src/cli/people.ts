/** scimd user and scimd group: what an operator looks up and switches by hand, without an identity provider. */

import { parseFilter, ScimFilterError } from '../../grammar/index.ts';
import { locationOf, Renderer, renderResource } from '../http/render.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { harmless } from '../ops/log-line.ts';
import { columns } from '../ops/terminal.ts';
import { bindFilter } from '../query/bind.ts';
import { everything } from '../scim/projection.ts';
import type { ResourceType } from '../scim/registry.ts';
import { resourceText } from '../scim/representation.ts';
import type { Document } from '../scim/resource.ts';
import type { Store, StoredResource, Tenant } from '../store/store.ts';
import { exitStatus, type Invocation } from './command.ts';
import { defaultTenant, findTenant, withStore } from './database.ts';

const pageSize = 500;
/** `location` and `$ref` begin at an endpoint, as in an export: under which URL a server has it is not known here. */
const base = '';

/** Commands about one resource type, which is found by its name. */
export interface PeopleCommands {
  list(invocation: Invocation): Promise<number>;
  show(invocation: Invocation): Promise<number>;
}

export const userCommands = commandsFor('User');
export const groupCommands = commandsFor('Group');

function commandsFor(name: 'User' | 'Group'): PeopleCommands {
  return {
    list: (invocation) =>
      inTenant(invocation, name, async (store, tenant, type) => {
        const { json, terminal } = invocation;
        const plan = filterPlan(invocation, type);
        const rows: string[][] = [];
        let begun = false;
        let after: { key: string | number | null; row: number } | undefined;
        do {
          const page = await store.list({
            tenant: tenant.number,
            targets: [{ type, ...(plan === undefined ? {} : { plan }) }],
            limit: pageSize,
            ...(after === undefined ? {} : { after }),
          });
          for (const resource of page.resources) {
            if (!json) rows.push(rowOf(resource));
            else
              terminal.print(
                `${begun ? ',' : '['}${resourceText(resource, locationOf(base, type, resource.id), '')}`,
              );
            begun = true;
          }
          after = page.more ? page.last : undefined;
        } while (after !== undefined);
        if (json) terminal.print(begun ? ']' : '[]');
        else if (rows.length === 0) terminal.note(`no ${name.toLowerCase()}s`);
        else
          terminal.print(
            columns([
              name === 'User' ? ['ID', 'USERNAME', 'ACTIVE', 'CHANGED'] : ['ID', 'DISPLAYNAME', 'CHANGED'],
              ...rows,
            ]),
          );
        return exitStatus.done;
      }),
    show: (invocation) =>
      inTenant(invocation, name, async (store, tenant, type) => {
        const resource = await find(store, tenant, type, invocation.operand ?? '');
        const renderer = new Renderer(type, { store, tenant: tenant.number, base, selection: everything });
        const rendered = await renderResource(renderer, resource);
        const text = typeof rendered === 'string' ? rendered : await joined(rendered);
        invocation.terminal.print(invocation.json ? text : JSON.stringify(JSON.parse(text), null, 2));
        return exitStatus.done;
      }),
  };
}

async function joined(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

/** Sets `active` of a user; the change is recorded like any other, as made by the command line. */
export function setActive(active: boolean): (invocation: Invocation) => Promise<number> {
  return (invocation) =>
    inTenant(invocation, 'User', async (store, tenant, type) => {
      const { json, terminal, operand = '' } = invocation;
      const resource = await find(store, tenant, type, operand);
      const before = JSON.parse(resource.body) as Document;
      const result = await store.update({
        tenant: tenant.number,
        type,
        id: resource.id,
        actor: { origin: 'cli' },
        operation: 'patch',
        expected: resource.version,
        document: { before, after: { ...before, active } },
        attributes: ['active'],
      });
      if (result.outcome === 'conflict' || result.outcome === 'missing') {
        throw new CommandError(`${operand} was changed at the same time`, 'Try again.');
      }
      if (json)
        terminal.print(JSON.stringify({ id: resource.id, active, changed: result.outcome === 'updated' }));
      else
        terminal.print(
          `${harmless(String(before.userName))} is ${active ? 'active' : 'deactivated'}${result.outcome === 'updated' ? '' : ' already'}`,
        );
      return exitStatus.done;
    });
}

function rowOf(resource: StoredResource): string[] {
  const { userName, displayName, active } = JSON.parse(resource.body) as Document;
  const changed = resource.modified.slice(0, 16).replace('T', ' ');
  return resource.type === 'User'
    ? [resource.id, String(userName), active === undefined ? '-' : String(active), changed]
    : [resource.id, String(displayName), changed];
}

function filterPlan({ flags }: Invocation, type: ResourceType) {
  const filter = flags.get('filter');
  if (filter === undefined) return undefined;
  try {
    return bindFilter(parseFilter(filter), type, { source: filter });
  } catch (error) {
    if (error instanceof ScimFilterError) throw new UsageError(`--filter: ${error.message}`);
    throw error;
  }
}

/** By id, else by userName or displayName. */
async function find(
  store: Store,
  tenant: Tenant,
  type: ResourceType,
  wanted: string,
): Promise<StoredResource> {
  const byId = await store.get(tenant.number, type, wanted);
  if (byId !== undefined) return byId;
  const name = type.name === 'User' ? 'userName' : 'displayName';
  const filter = `${name} eq ${JSON.stringify(wanted)}`;
  const page = await store.list({
    tenant: tenant.number,
    targets: [{ type, plan: bindFilter(parseFilter(filter), type) }],
    limit: 10,
  });
  const [only] = page.resources;
  if (only !== undefined && page.total === 1) return only;
  if (only === undefined) {
    throw new CommandError(
      `tenant ${tenant.name} has no ${type.name.toLowerCase()} ${wanted}`,
      `See them: scimd ${type.name.toLowerCase()} list`,
    );
  }
  throw new CommandError(
    `${page.total} ${type.name.toLowerCase()}s are called ${wanted}`,
    `Give the id of one: ${page.resources.map((resource) => resource.id).join(', ')}`,
  );
}

function inTenant(
  invocation: Invocation,
  typeName: string,
  action: (store: Store, tenant: Tenant, type: ResourceType) => Promise<number>,
): Promise<number> {
  return withStore(invocation, false, async (store) => {
    const tenant = await findTenant(store, invocation.flags.get('tenant') ?? defaultTenant);
    const type = store.registry.resourceTypes.find((each) => each.name === typeName) as ResourceType;
    return action(store, tenant, type);
  });
}
