/** A store with two tenants and short forms of its commands, for one test. */
import { parseFilter } from '../../grammar/index.ts';
import { bindFilter, bindValueFilter } from '../../src/query/bind.ts';
import type { Plan } from '../../src/query/plan.ts';
import type { Attribute, Registry, ResourceType } from '../../src/scim/registry.ts';
import { memberParts } from '../../src/store/member-parts.ts';
import type {
  Command,
  CreateCommand,
  Document,
  MemberEdit,
  Page,
  Query,
  Result,
  Store,
  StoredResource,
  Unit,
} from '../../src/store/store.ts';
import { badgeSchema, groupDocument, registryWith, typeNamed, userDocument } from './registry.ts';
import { changeOf, create, createdBy, update, type Version } from './writes.ts';

export const base = 'https://scim.example/v2';
export const actor = { kind: 'token', id: 'token-1', name: 'test', idp: 'generic' } as const;

/** In place of `test` for what a store does not do. */
export function without(_name: string, _test: () => Promise<void>): void {}

/** How a store is opened: over a clock that the test holds. */
export type Open = (options: { readonly registry: Registry; readonly clock: () => Date }) => Promise<Store>;

export class Setting {
  readonly registry: Registry;
  readonly user: ResourceType;
  readonly group: ResourceType;
  readonly store: Store;
  /** What the store's clock says. */
  now: number;
  tenant = 1;

  private constructor(registry: Registry, store: Store, now: number) {
    this.registry = registry;
    this.user = typeNamed(registry, 'User');
    this.group = typeNamed(registry, 'Group');
    this.store = store;
    this.now = now;
  }

  static async open(open: Open, registry = registryWith(badgeSchema())): Promise<Setting> {
    const time = { setting: undefined as Setting | undefined };
    const start = Date.parse('2026-01-02T03:04:05.678Z');
    const store = await open({ registry, clock: () => new Date(time.setting?.now ?? start) });
    time.setting = new Setting(store.registry, store, start);
    return time.setting;
  }

  /** One unit of these commands. */
  unit(...commands: readonly Command[]): Unit {
    return { tenant: this.tenant, context: { actor }, commands };
  }

  newUser(userName: string, more: Document = {}): CreateCommand {
    return { kind: 'create', type: this.user, document: userDocument(userName, more) };
  }

  newGroup(displayName: string, ...members: readonly string[]): CreateCommand {
    return {
      kind: 'create',
      type: this.group,
      document: groupDocument(displayName),
      members: [add(...members)],
    };
  }

  createUser(userName: string, more: Document = {}): Promise<StoredResource> {
    return this.create(this.user, userDocument(userName, more));
  }

  /** In this order, so that their ids are in it too. */
  async createUsers(...userNames: readonly string[]): Promise<StoredResource[]> {
    const outcomes = await this.store.commit(userNames.map((name) => this.unit(this.newUser(name))));
    return outcomes.map(createdBy);
  }

  createGroup(displayName: string, members: readonly string[] = []): Promise<StoredResource> {
    return this.create(this.group, groupDocument(displayName), [add(...members)]);
  }

  async create(
    type: ResourceType,
    document: Document,
    members: readonly MemberEdit[] = [],
  ): Promise<StoredResource> {
    return create(this.store, { tenant: this.tenant, type, document, members, actor });
  }

  /** Replaces members of the stored document by those of `change`. */
  async change(resource: StoredResource, change: Document): Promise<Result | Version> {
    const before = JSON.parse(resource.body) as Document;
    const target = this.target(resource);
    return update(this.store, {
      ...target,
      operation: 'patch',
      expected: resource.version,
      document: changeOf(target.type, before, { ...before, ...change }),
    });
  }

  async edit(group: StoredResource, ...members: readonly MemberEdit[]): Promise<Result | Version> {
    return update(this.store, { ...this.target(group), operation: 'patch', members, base });
  }

  target(resource: StoredResource) {
    return { tenant: this.tenant, type: typeNamed(this.registry, resource.type), id: resource.id, actor };
  }

  async get(resource: StoredResource): Promise<StoredResource | undefined> {
    const { tenant, type, id } = this.target(resource);
    return this.store.get({ tenant, type, id });
  }

  plan(filter: string, type: ResourceType = this.user): Plan {
    return bindFilter(parseFilter(filter), type);
  }

  /** The plan of `members[…]` in a PATCH path. */
  memberPlan(filter: string): Plan {
    return bindValueFilter(parseFilter(filter), this.group.attributes.get('members') as Attribute);
  }

  async list(query: Partial<Query> & Pick<Query, 'targets'>): Promise<Page> {
    return this.store.list({ tenant: this.tenant, base, limit: 100, ...query });
  }

  /** The ids that a filter finds. */
  async find(filter: string, type: ResourceType = this.user): Promise<string[]> {
    const page = await this.list({ targets: [{ type, plan: this.plan(filter, type) }] });
    return page.resources.map(({ id }) => id);
  }

  async members(group: StoredResource): Promise<Document[]> {
    return (await this.memberParts(group)).flat();
  }

  /** The members as they are read, part by part. */
  async memberParts(group: StoredResource): Promise<Document[][]> {
    const { tenant, type, id } = this.target(group);
    const found = await this.store.get({ tenant, type, id, base, members: true });
    const parts: Document[][] = [];
    if (found !== undefined)
      for await (const part of memberParts(found)) parts.push(JSON.parse(`[${part}]`) as Document[]);
    return parts;
  }

  async memberIds(group: StoredResource): Promise<string[]> {
    return (await this.members(group)).map(({ value }) => String(value));
  }

  async groupsOf(resource: StoredResource): Promise<readonly string[]> {
    const { tenant, type, id } = this.target(resource);
    const found = await this.store.get({ tenant, type, id, groups: true });
    return (found?.groups ?? []).map(({ display, type }) => `${display} ${type}`);
  }
}

/** The edit that adds these ids. */
export function add(...ids: readonly string[]): MemberEdit {
  return { kind: 'add', members: ids.map((value) => ({ value })) };
}
