/** All resources of a tenant at one moment, as lines of JSON with their number and their sum at the end. */
import { createHash } from 'node:crypto';
import { entityTag } from '../scim/representation.ts';
import type { FeedReads, FeedSnapshot } from '../store/feed.ts';
import { accessState } from './access.ts';
import type { TenantName } from './reader.ts';
import type { Shown } from './shown.ts';

/** Text, as it comes. To be closed by whoever does not read to the end, and by whoever does. */
export interface SnapshotLines extends AsyncIterable<string> {
  close(): void;
}

export async function snapshotLines(
  reads: Pick<FeedReads, 'snapshot'>,
  tenant: TenantName,
  shown: Shown,
): Promise<SnapshotLines> {
  const snapshot = await reads.snapshot(tenant.number);
  return {
    [Symbol.asyncIterator]: () => linesOf(snapshot, tenant, shown),
    close: () => snapshot.close(),
  };
}

async function* linesOf(snapshot: FeedSnapshot, { name }: TenantName, shown: Shown): AsyncGenerator<string> {
  try {
    const { sequence, counts } = snapshot;
    yield `${JSON.stringify({ type: 'snapshot.begin', tenant: name, sequence, counts })}\n`;
    const sum = createHash('sha256');
    let items = 0;
    for (let step = await snapshot.next(); step.length > 0; step = await snapshot.next()) {
      let text = '';
      for (const { resource, members, groups, locked } of step) {
        const { id, type, version, created, modified, body } = resource;
        const apply = shown.projection(type);
        const document = JSON.parse(body);
        const visible = apply === undefined ? body : JSON.stringify(apply(document));
        const meta = {
          resourceType: type,
          created,
          lastModified: modified,
          location: shown.locationOf(type, id),
          version: entityTag(version),
        };
        const values = groups.map(({ group, display }) => ({ value: group, display }));
        const more = `${members === undefined ? '' : `"members":${members},`}${
          values.length === 0 ? '' : `"groups":${JSON.stringify(values)},`
        }`;
        const access =
          type === 'User'
            ? `,"access":${JSON.stringify(accessState(document.active !== false, locked, groups))}`
            : '';
        text += `{"type":"snapshot.item","resourceType":${JSON.stringify(type)},"data":${visible.slice(0, -1)},${more}"meta":${JSON.stringify(meta)}}${access}}\n`;
        items++;
      }
      sum.update(text);
      yield text;
      // Requests have their turn between two steps.
      await new Promise((resolve) => setImmediate(resolve));
    }
    yield `${JSON.stringify({ type: 'snapshot.end', items, sha256: sum.digest('hex') })}\n`;
  } finally {
    snapshot.close();
  }
}
