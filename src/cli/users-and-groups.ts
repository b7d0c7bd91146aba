/** scimd user and scimd group: what an operator looks up, and the switch of `active`. */
import { ScimFilterError } from '../../grammar/index.ts';
import { type Caller, operator } from '../directory/caller.ts';
import { Directory, type DirectoryOptions } from '../directory/directory.ts';
import { locationOf, Renderer, renderResource } from '../http/render.ts';
import { CommandError, UsageError } from '../ops/command-error.ts';
import { escapeControls } from '../ops/escape-controls.ts';
import { columns } from '../ops/terminal.ts';
import type { Document } from '../scim/document.ts';
import { patchOpSchema } from '../scim/messages.ts';
import { everything } from '../scim/projection.ts';
import type { ResourceType } from '../scim/registry.ts';
import { resourceText } from '../scim/representation.ts';
import type { Position, Store, StoredResource, Tenant } from '../store/store.ts';
import { commandActor } from './actor.ts';
import { exitStatus, type Invocation } from './command.ts';
import { defaultTenant, findTenant, withStore } from './database.ts';

const pageSize = 500;
/** `location` and `$ref` begin at an endpoint, as in an export: the server's base URL is unknown here. */
const base = '';

/** Commands about one resource type, which is found by its name. */
export interface TypeCommands {
  list(invocation: Invocation): Promise<number>;
  show(invocation: Invocation): Promise<number>;
}

export const userCommands = commandsFor('User');
export const groupCommands = commandsFor('Group');

function commandsFor(name: 'User' | 'Group'): TypeCommands {
  return {
    list: (invocation) =>
      inTenant(invocation, name, async ({ directory, caller, type }) => {
        const { json, terminal } = invocation;
        const filter = invocation.flags.get('filter');
        const rows: string[][] = [];
        let begun = false;
        const listed = async (after: Position | undefined) =>
          directory.list(caller, { types: [type], filter, limit: pageSize, after });
        let after: Position | undefined;
        do {
          const page = await listed(after).catch(refuseFilter);
          for (const resource of page.resources) {
            if (!json) rows.push(rowOf(resource));
            else
              terminal.print(
                `${begun ? ',' : '['}${resourceText(resource, JSON.stringify(locationOf(base, type, resource.id)), '')}`,
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
      inTenant(invocation, name, async (place) => {
        const { directory, caller, type } = place;
        const { registry } = directory;
        const renderer = new Renderer(type, { registry, base, selection: everything });
        const { id } = await find(place, invocation.operand ?? '');
        const rendered = renderResource(renderer, await directory.get(caller, type, id, renderer.parts));
        const text = typeof rendered === 'string' ? rendered : await joined(rendered);
        const locks = name === 'User' ? await directory.store.grants.locks(place.tenant.number) : [];
        const lock = locks.find((each) => each.id === id);
        if (lock !== undefined) {
          const { since, reason } = lock;
          invocation.terminal.note(
            escapeControls(`scimd: locked here since ${since}${reason === undefined ? '' : `: ${reason}`}`),
          );
        }
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
    inTenant(invocation, 'User', async (place) => {
      const { json, terminal, operand = '' } = invocation;
      const { id, body } = await find(place, operand);
      const { changed } = await place.directory.patch(place.caller, place.type, id, {
        schemas: [patchOpSchema],
        Operations: [{ op: 'replace', path: 'active', value: active }],
      });
      if (json) terminal.print(JSON.stringify({ id, active, changed }));
      else
        terminal.print(
          `${escapeControls(String((JSON.parse(body) as Document).userName))} is ${active ? 'active' : 'deactivated'}${changed ? '' : ' already'}`,
        );
      return exitStatus.done;
    });
}

/** Blocks somebody's access here, or gives it back; the provider neither sees it nor changes it. */
export function setLocked(locked: boolean): (invocation: Invocation) => Promise<number> {
  return (invocation) =>
    inTenant(invocation, 'User', async (place) => {
      const { flags, json, terminal, operand = '' } = invocation;
      const { id, body } = await find(place, operand);
      const { grants } = place.directory.store;
      const { number } = place.tenant;
      const { actor } = place.caller.principal;
      const changed = locked
        ? await grants.lock(number, id, actor, flags.get('reason'))
        : await grants.unlock(number, id, actor);
      const name = String((JSON.parse(body) as Document).userName);
      if (json) terminal.print(JSON.stringify({ id, locked, changed }));
      else
        terminal.print(
          `${escapeControls(name)} is ${locked ? 'locked' : 'not locked'}${changed ? '' : ' already'}`,
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

function refuseFilter(error: unknown): never {
  if (error instanceof ScimFilterError) throw new UsageError(`--filter: ${error.message}`);
  throw error;
}

/** Where a command looks. */
export interface Place {
  readonly directory: Directory;
  readonly caller: Caller;
  readonly tenant: Tenant;
  readonly type: ResourceType;
}

/** By id, else by userName or displayName. */
export async function find(place: Place, wanted: string): Promise<StoredResource> {
  const found = await findIfAny(place, wanted);
  if (found !== undefined) return found;
  const { tenant, type } = place;
  throw new CommandError(
    `tenant ${tenant.name} has no ${type.name.toLowerCase()} ${wanted}`,
    `See them: scimd ${type.name.toLowerCase()} list`,
  );
}

/** The attribute that an operator knows it by. */
export function nameOf(type: ResourceType): 'userName' | 'displayName' {
  return type.name === 'User' ? 'userName' : 'displayName';
}

/** The same; undefined if there is none. @throws CommandError where there are several. */
export async function findIfAny(
  { directory, caller, type }: Place,
  wanted: string,
): Promise<StoredResource | undefined> {
  const byId = await directory.find(caller, type, wanted);
  if (byId !== undefined) return byId;
  const name = nameOf(type);
  const filter = `${name} eq ${JSON.stringify(wanted)}`;
  const page = await directory.list(caller, { types: [type], filter, limit: 10 });
  const [only] = page.resources;
  if (only !== undefined && page.total === 1) return only;
  if (only === undefined) return undefined;
  throw new CommandError(
    `${page.total} ${type.name.toLowerCase()}s are called ${wanted}`,
    `Give the id of one: ${page.resources.map((resource) => resource.id).join(', ')}`,
  );
}

export function inTenant(
  invocation: Invocation,
  typeName: string,
  action: (place: Place) => Promise<number>,
): Promise<number> {
  return withStore(invocation, false, async (store) => {
    const tenant = await findTenant(store, invocation.flags.get('tenant') ?? defaultTenant);
    const type = store.registry.resourceTypes.find((each) => each.name === typeName) as ResourceType;
    const { guard, sensitiveAttributes: sensitive, uniqueDisplayName } = invocation.settings().settings;
    return action(placeIn(store, tenant, type, { guard, sensitive, uniqueDisplayName }));
  });
}

/** Where a command looks for resources of a type. */
export function placeIn(
  store: Store,
  tenant: Tenant,
  type: ResourceType,
  options: DirectoryOptions = {},
): Place {
  const caller = operator(tenant.number, commandActor(), 'strict');
  return { directory: new Directory(store, options), caller, tenant, type };
}
