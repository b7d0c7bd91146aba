/** Accounts of an application that nobody in the directory should have, and people who have none. */
import type { TenantName } from '../events/reader.ts';
import type { Store } from '../store/store.ts';
import { noRoles, People, type Person, textOf } from './people.ts';
import { asOf, byName, counted, type Report, stateAt } from './report.ts';

/** An account, as a list of an application has it. */
export interface Account {
  /** Where it stands in the list: the line of a file. */
  readonly line: number;
  readonly id?: string | undefined;
  readonly externalId?: string | undefined;
  readonly userName?: string | undefined;
  readonly email?: string | undefined;
}

export interface OrphanRow {
  /**
   * `unknown`: the directory has nobody like that; `inactive`, `locked`, `deleted`, `erased`: somebody who may not sign in any
   * more; `no account`: a person without one.
   */
  readonly reason: 'unknown' | 'inactive' | 'locked' | 'deleted' | 'erased' | 'no account';
  /** As the list calls it. */
  readonly account: string | undefined;
  readonly line: number | undefined;
  /** Of the directory. */
  readonly userName: string | undefined;
  /** When they were deleted. */
  readonly since: string | undefined;
  readonly id: string | undefined;
}

export interface OrphansQuery {
  readonly accounts: readonly Account[];
  /** People who have no account too. */
  readonly missing?: boolean;
}

const keys = ['id', 'externalId', 'userName', 'email'] as const;
type Key = (typeof keys)[number];

const pageSize = 500;

/** Whom an account belongs to. */
interface Owner {
  readonly id: string;
  readonly userName: string | undefined;
  readonly state: Person['state'] | 'deleted';
  readonly since?: string;
}

/** By what is compared, and the value as it is compared. */
type Index = ReadonlyMap<string, Owner>;

function keyOf(key: Key, value: string): string {
  return `${key} ${key === 'userName' || key === 'email' ? value.trim().toLowerCase() : value.trim()}`;
}

export async function orphansReport(
  store: Store,
  tenant: TenantName,
  { accounts, missing = false }: OrphansQuery,
): Promise<Report<OrphanRow>> {
  const state = await stateAt(store, tenant, undefined, ['emails']);
  const index = new Map<string, Owner>();
  const people = [...new People(state, noRoles)];
  for (const person of people)
    note(index, { ...person, state: person.state }, state.resources.get(person.id)?.document ?? {});
  await noteDeleted(store, tenant, index);
  const owners = new Set<string>();
  const rows: OrphanRow[] = [];
  for (const account of accounts) {
    const owner = ownerOf(index, account);
    if (owner !== undefined) owners.add(owner.id);
    if (owner?.state === 'active' || owner?.state === 'unknown') continue;
    rows.push({
      reason: owner?.state ?? 'unknown',
      account: account.userName ?? account.email ?? account.externalId ?? account.id,
      line: account.line,
      userName: owner?.userName,
      since: owner?.since,
      id: owner?.id,
    });
  }
  if (missing)
    for (const { id, userName, state: of } of people)
      if (of === 'active' && !owners.has(id))
        rows.push({
          ...{ reason: 'no account', account: undefined, line: undefined, userName, since: undefined, id },
        });
  rows.sort(
    (a, b) =>
      byName(a.reason, b.reason) || byName(a.account ?? a.userName ?? '', b.account ?? b.userName ?? ''),
  );
  const orphans = rows.filter(({ reason }) => reason !== 'no account').length;
  return {
    tenant: tenant.name,
    asOf: asOf(state),
    columns: ['reason', 'account', 'line', 'userName', 'since', 'id'],
    rows,
    summary: [
      `${counted(accounts.length, 'account', 'accounts')}, of which ${orphans} belong to nobody who may sign in`,
      ...(missing ? [`${rows.length - orphans} people without an account`] : []),
    ],
  };
}

/** Whoever is noted first stays: those who are there go before those who were. */
function note(index: Map<string, Owner>, owner: Owner, document: Readonly<Record<string, unknown>>): void {
  const emails = Array.isArray(document.emails) ? document.emails : [];
  const found: [Key, unknown][] = [
    ['id', owner.id],
    ['externalId', document.externalId],
    ['userName', document.userName],
    ['email', document.userName],
    ...emails.map((email): [Key, unknown] => ['email', (email as { value?: unknown }).value]),
  ];
  for (const [key, value] of found) {
    const text = textOf(value);
    if (text === undefined || text === '') continue;
    const place = keyOf(key, text);
    if (!index.has(place)) index.set(place, owner);
  }
}

async function noteDeleted(store: Store, tenant: TenantName, index: Map<string, Owner>): Promise<void> {
  const type = store.registry.resourceTypes.find(({ name }) => name === 'User');
  if (type === undefined) return;
  for (let before: number | undefined; ; ) {
    const page = await store.deletions({
      ...{ tenant: tenant.number, type, limit: pageSize },
      ...(before === undefined ? {} : { before }),
    });
    for (const { id, at, last } of page)
      note(
        index,
        { id, userName: textOf(last.document.userName), state: 'deleted', since: at },
        last.document,
      );
    before = page.at(-1)?.sequence;
    if (page.length < pageSize) return;
  }
}

function ownerOf(index: Index, account: Account): Owner | undefined {
  for (const key of keys) {
    const value = account[key];
    const owner = value === undefined ? undefined : index.get(keyOf(key, value));
    if (owner !== undefined) return owner;
  }
  return undefined;
}
