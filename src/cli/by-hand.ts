/**
 * Users and groups changed by hand: create, set, delete, restore, forget, and who is in a group. Each goes through the
 * directory as a request of a provider does, and is recorded with the operating system's user as its actor.
 */
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { ScimFilterError } from '../../grammar/index.ts';
import { DirectoryError } from '../directory/directory-error.ts';
import { ScimError } from '../error.ts';
import { forgottenPerson } from '../history/forgotten.ts';
import { CommandError, UsageError, unchanged } from '../ops/command-error.ts';
import { escapeControls } from '../ops/escape-controls.ts';
import { Patch } from '../query/patch.ts';
import { type Document, membersAttribute } from '../scim/document.ts';
import { patchOpSchema } from '../scim/messages.ts';
import type { Attribute } from '../scim/registry.ts';
import { toleratedFor } from '../scim/tolerances.ts';
import { SqliteExchanges } from '../store/sqlite/exchanges.ts';
import type { DeletedResource, StoredResource } from '../store/store.ts';
import { exitStatus, type Invocation } from './command.ts';
import { exchangeFile } from './exchange-log.ts';
import { find, findIfAny, inTenant, nameOf, type Place } from './users-and-groups.ts';

type Run = (invocation: Invocation) => Promise<number>;
type TypeName = 'User' | 'Group';

/** Milliseconds after which a server has written what it has answered to the exchange log. */
const unwritten = 1000;

/** An operation of a PatchOp message. */
interface Operation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

/** `scimd user create USERNAME [PATH=VALUE…]`, and the same of a group. */
export function create(typeName: TypeName): Run {
  return (invocation) =>
    at(invocation, typeName, async (place) => {
      const { operand = '', more } = invocation;
      const { directory, caller, type } = place;
      const start = { schemas: [type.schema.id], [nameOf(type)]: operand };
      const operations = more.map((text) => operationOf(place, text));
      const { document } = new Patch(type, operations, '', caller.tolerated).apply(start, {});
      const created = await directory.create(caller, type, document);
      tell(invocation, created.id, { created: true }, `${operand} is created: ${created.id}`);
    });
}

/** `scimd user set ID|USERNAME PATH=VALUE…`. */
export function set(typeName: TypeName): Run {
  return (invocation) =>
    at(invocation, typeName, async (place) => {
      const { operand = '', more } = invocation;
      const resource = await find(place, operand);
      const changed = await patch(
        place,
        resource,
        more.map((text) => operationOf(place, text)),
      );
      tell(
        invocation,
        resource.id,
        { changed },
        `${shownName(place, resource)} is changed${changed ? '' : ' by nothing: it was so already'}`,
      );
    });
}

/** `scimd group rename ID|DISPLAYNAME DISPLAYNAME`. */
export const rename: Run = (invocation) =>
  at(invocation, 'Group', async (place) => {
    const [name = ''] = invocation.more;
    const group = await find(place, invocation.operand ?? '');
    const changed = await patch(place, group, [{ op: 'replace', path: 'displayName', value: name }]);
    tell(
      invocation,
      group.id,
      { displayName: name, changed },
      `${shownName(place, group)} is called ${escapeControls(name)}${changed ? '' : ' already'}`,
    );
  });

/** `scimd group add|remove ID|DISPLAYNAME MEMBER…`: people by id or userName, groups by id. */
export function editMembers(op: 'add' | 'remove'): Run {
  return (invocation) =>
    at(invocation, 'Group', async (place) => {
      const group = await find(place, invocation.operand ?? '');
      const ids: string[] = [];
      for (const member of invocation.more) ids.push(await memberId(place, member));
      const operations = ids.map(
        (id): Operation =>
          op === 'add'
            ? { op, path: 'members', value: [{ value: id }] }
            : { op, path: `members[value eq ${JSON.stringify(id)}]` },
      );
      const changed = await patch(place, group, operations);
      const verb = op === 'add' ? 'added to' : 'removed from';
      tell(
        invocation,
        group.id,
        { [op === 'add' ? 'added' : 'removed']: ids, changed },
        `${ids.length} ${ids.length === 1 ? 'member' : 'members'} ${verb} ${shownName(place, group)}${changed ? '' : ': it was so already'}`,
      );
    });
}

/** `scimd user delete ID|USERNAME`. */
export function remove(typeName: TypeName): Run {
  return (invocation) =>
    at(invocation, typeName, async (place) => {
      const { directory, caller, type } = place;
      const resource = await find(place, invocation.operand ?? '');
      await directory.delete(caller, type, resource.id);
      const word = typeName.toLowerCase();
      tell(
        invocation,
        resource.id,
        { deleted: true },
        `${shownName(place, resource)} is deleted; scimd ${word} restore ${resource.id} brings it back`,
      );
    });
}

/** `scimd user restore ID|USERNAME`: who was deleted; who is there and deactivated is made active. */
export function restore(typeName: TypeName): Run {
  return (invocation) =>
    at(invocation, typeName, async (place) => {
      const { operand = '' } = invocation;
      const { directory, caller, type } = place;
      const present = await findIfAny(place, operand);
      if (present !== undefined && typeName === 'User') {
        const changed = await patch(place, present, [{ op: 'replace', path: 'active', value: true }]);
        const text = `${shownName(place, present)} is active${changed ? '' : ' already'}`;
        return tell(invocation, present.id, { active: true, changed }, text);
      }
      if (present !== undefined)
        throw new CommandError(`${shownName(place, present)} is not deleted`, 'There is nothing to restore.');
      const deleted = await findDeleted(place, operand);
      const restored = await directory.restore(caller, type, deleted.id);
      const { active } = JSON.parse(restored.body) as Document;
      const state = active === false ? '; it is not active' : '';
      tell(
        invocation,
        restored.id,
        { restored: true, ...(typeName === 'User' ? { active: active !== false } : {}) },
        `${shownName(place, restored)} is back as it was on ${deleted.at.slice(0, 16).replace('T', ' ')} UTC${state}`,
      );
    });
}

/** `scimd user forget ID|USERNAME --yes`. */
export const forget: Run = (invocation) =>
  at(invocation, 'User', async (place) => {
    const { operand = '', flags } = invocation;
    const { directory, caller, tenant, type } = place;
    const { id } = (await findIfAny(place, operand)) ?? (await findDeleted(place, operand));
    if (!flags.has('yes'))
      throw new UsageError(
        `this erases user ${id} and everything that is stored of them, and cannot be undone; confirm it with --yes`,
      );
    const person = await forgottenPerson(directory.store, tenant, id);
    await directory.erase(caller, type, id);
    const log = exchangeFile(invocation.settings().settings);
    if (existsSync(log)) {
      const exchanges = new SqliteExchanges(log);
      exchanges.forget(person);
      // A server may have requests about them that it has answered and not yet written.
      await wait(unwritten);
      exchanges.forget(person);
      exchanges.close();
    }
    tell(invocation, id, { erased: true }, `${id} is erased; backups that were made before still have them`);
  });

function tell({ json, terminal }: Invocation, id: string, what: object, text: string): void {
  terminal.print(json ? JSON.stringify({ id, ...what }) : escapeControls(text));
}

/** What the directory refuses is said as it says it to a provider. */
async function at(
  invocation: Invocation,
  typeName: TypeName,
  action: (place: Place) => Promise<void>,
): Promise<number> {
  return inTenant(invocation, typeName, async (place) => {
    try {
      await action(place);
      return exitStatus.done;
    } catch (error) {
      const isRefusal =
        error instanceof ScimError || error instanceof ScimFilterError || error instanceof DirectoryError;
      throw isRefusal
        ? new CommandError(inWordsOf(invocation, error.message), unchanged(error.message))
        : error;
    }
  });
}

/** An operation is called by the argument that it came from. */
function inWordsOf({ more }: Invocation, message: string): string {
  return message.replace(/\bOperations\[(\d+)\](\.(value|path)\b)?/, (whole, index: string) => {
    const argument = more[Number(index)];
    return argument === undefined ? whole : JSON.stringify(argument);
  });
}

async function patch(
  { directory, caller, type }: Place,
  { id }: StoredResource,
  operations: readonly Operation[],
): Promise<boolean> {
  const message = { schemas: [patchOpSchema], Operations: operations };
  return (await directory.patch(caller, type, id, message)).changed;
}

/** `title=Engineer`, `emails[type eq "work"].value=a@example.com`, `nickName=` to clear. */
function operationOf({ type }: Place, text: string): Operation {
  const equals = separatorIn(text);
  const path = text.slice(0, equals).trim();
  if (equals < 1 || path === '') throw new UsageError(`${JSON.stringify(text)} is not PATH=VALUE`);
  const value = text.slice(equals + 1);
  if (value === '') return { op: 'remove', path };
  const op = path.includes('[') ? 'add' : 'replace';
  const [edit] = new Patch(type, [{ op, path, value: 'x' }], '', toleratedFor('generic')).edits;
  if (edit === undefined) return { op, path, value };
  if (edit.attribute === membersAttribute(type))
    throw new UsageError('members come and go by themselves: scimd group add, scimd group remove');
  const attribute = edit.sub ?? edit.attribute;
  if (attribute.returned === 'never')
    throw new UsageError(
      `${attribute.path} is secret and would be read by others on this machine: set it by a request`,
    );
  return { op, path, value: typedValue(attribute, value, edit.filter !== undefined) };
}

/** The first `=` that is within no brackets and no quotes; -1 if there is none. */
function separatorIn(text: string): number {
  const found = /^(?:\[(?:"(?:\\.|[^"\\])*"|[^\]"])*\]|[^[=])*=/.exec(text);
  return found === null ? -1 : found[0].length - 1;
}

/** As the attribute's type has it; what is no simple value is written as JSON. */
function typedValue(attribute: Attribute, text: string, isOne: boolean): unknown {
  const { type, path } = attribute;
  if (type === 'complex' || (attribute.multiValued && !isOne)) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      const example = type === 'complex' ? '{"value": "…"}' : '["…"]';
      throw new UsageError(
        `${path} takes JSON, such as ${attribute.multiValued && type === 'complex' ? `[${example}]` : example}`,
      );
    }
  }
  if (type === 'boolean') {
    if (text === 'true' || text === 'false') return text === 'true';
    throw new UsageError(`${path} must be true or false, not ${JSON.stringify(text)}`);
  }
  if (type === 'integer' || type === 'decimal') {
    const number = Number(text);
    if (text.trim() !== '' && Number.isFinite(number)) return number;
    throw new UsageError(`${path} must be a number, not ${JSON.stringify(text)}`);
  }
  return text;
}

function shownName({ type }: Place, { id, body }: StoredResource): string {
  const name = (JSON.parse(body) as Document)[nameOf(type)];
  return typeof name === 'string' ? name : id;
}

/** A member of a group: a user by id or userName, or another resource by id. */
async function memberId(place: Place, wanted: string): Promise<string> {
  const { directory, caller, tenant } = place;
  const { resourceTypes } = directory.registry;
  const users = resourceTypes.find(({ name }) => name === 'User');
  const found = users && (await findIfAny({ ...place, type: users }, wanted));
  if (found !== undefined) return found.id;
  for (const type of resourceTypes) {
    const other = await directory.find(caller, type, wanted);
    if (other !== undefined) return other.id;
  }
  throw new CommandError(
    `tenant ${tenant.name} has no user ${wanted}, nor anything else of that id`,
    'See them: scimd user list; a group is given by its id.',
  );
}

/** Deletions that are looked through at once for a name. */
const pageSize = 500;

/** By id, or by the name that it had. */
export async function findDeleted(
  { directory, tenant, type }: Place,
  wanted: string,
): Promise<DeletedResource> {
  const { store } = directory;
  const byId = await store.deletion({ tenant: tenant.number, type, id: wanted });
  if (byId !== undefined) return byId;
  const attribute = nameOf(type);
  const found: DeletedResource[] = [];
  for (let before: number | undefined; ; ) {
    const page = await store.deletions({
      tenant: tenant.number,
      type,
      limit: pageSize,
      ...(before === undefined ? {} : { before }),
    });
    for (const each of page) {
      const name = each.last.document[attribute];
      if (typeof name === 'string' && name.toLowerCase() === wanted.toLowerCase()) found.push(each);
    }
    before = page.at(-1)?.sequence;
    if (page.length < pageSize) break;
  }
  const [only, ...others] = found;
  const word = type.name.toLowerCase();
  if (only === undefined)
    throw new CommandError(
      `tenant ${tenant.name} has no ${word} ${wanted}, and no deleted one`,
      'A deletion is kept as long as the change record is: see changes.retentionDays.',
    );
  if (others.length > 0)
    throw new CommandError(
      `${found.length} deleted ${word}s were called ${wanted}`,
      `Give the id of one: ${found.map(({ id, at }) => `${id} (deleted ${at})`).join(', ')}`,
    );
  return only;
}
