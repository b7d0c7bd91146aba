/** Who had access a year ago, and everything that happened to one person, over ten changes a person of two years. */
import { accessReport } from '../../src/history/access.ts';
import { historyReport } from '../../src/history/timeline.ts';
import { differenceOf } from '../../src/scim/difference.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Command, Document, Store } from '../../src/store/store.ts';
import type { Options } from './arguments.ts';
import { groupDocument, userDocument } from './data.ts';
import type { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { median } from './measure.ts';

const changesEach = 10;
const peopleInGroup = 100;
const day = 24 * 60 * 60 * 1000;
/** Units in one call. */
const batchSize = 1000;
/** People whose history is asked for. */
const asked = 50;

const tenant = { number: 1, name: 'default' };
const actor = { kind: 'token', id: 't1', name: 'okta', idp: 'okta' } as const;

export async function historyTimes(
  { rounds }: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  const file = fixtures.path('history');
  const ids = await fill(file, users);
  const store = openSqliteStore({ file, registry: standardRegistry() });
  try {
    const { newest } = await store.changeRange(tenant.number);
    const at = new Date(Date.now() - 365 * day);
    const accesses: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      const report = await accessReport(store, tenant, { at, inactive: true });
      accesses.push((performance.now() - start) / 1000);
      const share = report.asOf.sequence / newest;
      if (share < 0.4 || share > 0.6 || report.rows.length < users / 2)
        throw new Error(`change ${report.asOf.sequence} of ${newest}, ${report.rows.length} rows`);
    }
    const histories: number[] = [];
    for (let person = 0; person < asked; person++) {
      const id = ids[Math.floor((person * ids.length) / asked)] as string;
      const start = performance.now();
      const { rows } = await historyReport(store, tenant, id);
      histories.push(performance.now() - start);
      if (rows.length < changesEach / 2) throw new Error(`${rows.length} changes of ${id}`);
    }
    const of = `${newest} changes`;
    return [
      {
        name: 'history-access',
        title: `access a year ago, ${of}`,
        users,
        value: median(accesses),
        unit: 's',
      },
      {
        name: 'history-person',
        title: `history of one person, slowest of ${asked}, ${of}`,
        users,
        value: Math.max(...histories),
        unit: 'ms',
      },
    ];
  } finally {
    await store.close();
  }
}

/** People, each in a group, who change title, are switched off and on, and change groups, evenly over two years. */
async function fill(file: string, users: number): Promise<readonly string[]> {
  const total = users * changesEach;
  const begin = Date.now() - 730 * day;
  let made = 0;
  const clock = (): Date => new Date(begin + Math.floor((made / total) * 730 * day));
  const store = openSqliteStore({ file, registry: standardRegistry(), clock });
  const [user, group] = store.registry.resourceTypes;
  if (user === undefined || group === undefined) throw new Error('no users or no groups in the registry');
  const context = { actor };
  const commit = async (commands: readonly Command[]): Promise<readonly string[]> => {
    const outcomes = await store.commit(
      commands.map((command) => ({ tenant: tenant.number, context, commands: [command] })),
    );
    made += commands.length;
    return outcomes.map((outcome) => {
      const [result] = outcome.outcome === 'done' ? outcome.results : [];
      if (result === undefined || !('resource' in result)) throw new Error(JSON.stringify(outcome));
      return result.resource.id;
    });
  };
  const inBatches = async (count: number, command: (n: number) => Command): Promise<string[]> => {
    const ids: string[] = [];
    for (let first = 0; first < count; first += batchSize)
      ids.push(
        ...(await commit(
          Array.from({ length: Math.min(batchSize, count - first) }, (_, index) => command(first + index)),
        )),
      );
    return ids;
  };
  const groups = await inBatches(Math.ceil(users / peopleInGroup), (n) => ({
    ...{ kind: 'create', type: group, document: groupDocument(`Group ${n}`) },
  }));
  const documents: Document[] = Array.from({ length: users }, (_, n) => ({
    ...userDocument(n),
    active: true,
  }));
  const people = await inBatches(users, (n) => ({
    ...{ kind: 'create', type: user, document: documents[n] as Document },
  }));
  const groupOf = (n: number, step: number): string => groups[(n + step) % groups.length] as string;
  const move = (n: number, step: number, op: 'add' | 'remove'): Command => ({
    ...{ kind: 'update', type: group, id: groupOf(n, step), operation: 'patch' },
    members: [
      op === 'add'
        ? { kind: 'add', members: [{ value: people[n] as string }] }
        : { kind: 'remove', values: [people[n] as string] },
    ],
  });
  const set = (n: number, change: Document): Command => {
    const before = documents[n] as Document;
    const after = { ...before, ...change };
    documents[n] = after;
    return {
      ...{ kind: 'update', type: user, id: people[n] as string, operation: 'patch' },
      document: { before, after, difference: differenceOf(user, before, after) },
    };
  };
  await inBatches(users, (n) => move(n, 0, 'add'));
  await inBatches(users, (n) => set(n, { title: 'Engineer' }));
  await inBatches(users, (n) => set(n, { active: false }));
  await inBatches(users, (n) => move(n, 0, 'remove'));
  await inBatches(users, (n) => set(n, { active: true }));
  await inBatches(users, (n) => move(n, 1, 'add'));
  await inBatches(users, (n) => set(n, { title: 'Staff engineer' }));
  await inBatches(users, (n) => set(n, { displayName: `Person ${n}` }));
  await inBatches(users, (n) => set(n, { nickName: 'x' }));
  await closed(store);
  return people;
}

async function closed(store: Store): Promise<void> {
  await store.durable();
  await store.close();
}
