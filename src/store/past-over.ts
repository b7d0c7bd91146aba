/** The past over what every store has: a snapshot of the present, and its changes page by page. */
import type { ChainOptions, ChainReport } from './chain.ts';
import type { Change, ChangeRange } from './change.ts';
import type { FeedReads } from './feed.ts';
import { PastBuilder, type PastQuery, type PastReads, type PastState } from './past.ts';
import { ChainCheck, type ChainEnds, type ChainRow } from './sql/chain-check.ts';
import type { Store } from './store.ts';
import type { Awaitable } from './stored-resource.ts';

export interface PastSources extends Pick<Store, 'registry' | 'changes'> {
  readonly feed: Pick<FeedReads, 'snapshot'>;
  changeRange(tenant: number): Awaitable<ChangeRange>;
  /** Changes of a resource and of groups that it joined or left, oldest first. */
  changesAbout(tenant: number, id: string): Awaitable<readonly Change[]>;
  /** Where the counter says that the record begins and ends. */
  ends(tenant: number): Awaitable<ChainEnds>;
  /** Changes behind a number, up to another, that members of theirs are not found by, and how many; where there is an index. */
  unindexed?(
    tenant: number,
    after: number,
    upTo: number,
  ): Awaitable<readonly (readonly [sequence: number, members: number])[]>;
  /** What is digested of changes behind a number, with their salts, in order. */
  digested(tenant: number, after: number, limit: number): Awaitable<readonly ChainRow[]>;
}

/** Changes that are read together. */
const pageSize = 1000;

export function pastOver(sources: PastSources): PastReads {
  const at = async (tenant: number, sequence: number): Promise<Change | undefined> =>
    (await sources.changes({ tenant, after: sequence - 1, limit: 1 }))[0];
  return {
    async sequenceAt(tenant, time) {
      const { oldest, newest } = await sources.changeRange(tenant);
      let [low, high] = [oldest - 1, newest];
      // Times go with numbers; of those that a restored database has left out, the next one's.
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        const change = await at(tenant, middle);
        if (change !== undefined && Date.parse(change.at) > time.getTime()) high = middle - 1;
        else low = middle;
      }
      return low === oldest - 1 && oldest > 1 ? undefined : low;
    },
    changesAbout: (tenant, id) => sources.changesAbout(tenant, id),
    state: (query) => stateOver(sources, query, at),
    verify: (options) => verifyOver(sources, options),
  };
}

async function stateOver(
  { registry, feed, changes, changeRange }: PastSources,
  { tenant, sequence: asked, userAttributes }: PastQuery,
  changeAt: (tenant: number, sequence: number) => Promise<Change | undefined>,
): Promise<PastState | undefined> {
  const snapshot = await feed.snapshot(tenant);
  const builder = new PastBuilder(registry.resourceTypes, userAttributes);
  const { sequence: newest } = snapshot;
  const sequence = asked ?? newest;
  try {
    if (sequence > newest || sequence < (await changeRange(tenant)).oldest - 1) return undefined;
    for (let step = await snapshot.next(); step.length > 0; step = await snapshot.next())
      for (const { resource, members, locked } of step) {
        const { id, type, version, body } = resource;
        builder.addPresent([id, type, version, body]);
        if (locked) builder.addLock(id);
        if (members !== undefined)
          for (const { value } of JSON.parse(members) as readonly { readonly value: string }[])
            builder.addMember(id, value);
      }
  } finally {
    snapshot.close();
  }
  for (let after = sequence; after < newest; ) {
    const page = await changes({ tenant, after, limit: Math.min(pageSize, newest - after) });
    for (const change of page) builder.undo(undoRow(change));
    after = page.at(-1)?.sequence ?? newest;
  }
  const last = sequence === 0 ? undefined : await changeAt(tenant, sequence);
  return { sequence, at: last?.at, link: last?.link, ...builder.build() };
}

function undoRow({ id, type, version, operation, ...change }: Change): Parameters<PastBuilder['undo']>[0] {
  const { edits, added, removed, last, notice } = change;
  const text = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
  return [
    ...([id, type, version, operation, edits.length === 0 ? null : text(edits)] as const),
    ...([text(added), text(removed), text(last), text(notice)] as const),
  ];
}

async function verifyOver(
  { ends, digested, unindexed }: PastSources,
  { tenant, expected }: ChainOptions,
): Promise<ChainReport> {
  const known = await ends(tenant);
  const check = new ChainCheck(known, expected);
  for (let after = known.pruned; after < known.sequence; ) {
    const rows = await digested(tenant, after, Math.min(pageSize, known.sequence - after));
    for (const row of rows) check.add(row);
    const last = rows.at(-1)?.sequence ?? known.sequence;
    for (const found of (await unindexed?.(tenant, after, last)) ?? []) check.unindexed(...found);
    after = last;
  }
  return check.end();
}
