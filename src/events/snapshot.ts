/** All resources of a tenant at one moment, as lines of JSON with their number and their sum at the end. */
import { createHash } from 'node:crypto';
import { entityTag } from '../scim/representation.ts';
import type { FeedReads, FeedSnapshot } from '../store/feed.ts';
import type { TenantName } from './reader.ts';

/** Text, as it comes. To be closed by whoever does not read to the end, and by whoever does. */
export interface SnapshotLines extends AsyncIterable<string> {
  close(): void;
}

export async function snapshotLines(
  reads: Pick<FeedReads, 'snapshot'>,
  tenant: TenantName,
  locationOf: (type: string, id: string) => string,
): Promise<SnapshotLines> {
  const snapshot = await reads.snapshot(tenant.number);
  return {
    [Symbol.asyncIterator]: () => linesOf(snapshot, tenant, locationOf),
    close: () => snapshot.close(),
  };
}

async function* linesOf(
  snapshot: FeedSnapshot,
  { name }: TenantName,
  locationOf: (type: string, id: string) => string,
): AsyncGenerator<string> {
  try {
    const { sequence, counts } = snapshot;
    yield `${JSON.stringify({ type: 'snapshot.begin', tenant: name, sequence, counts })}\n`;
    const sum = createHash('sha256');
    let items = 0;
    for (let step = snapshot.next(); step.length > 0; step = snapshot.next()) {
      let text = '';
      for (const { resource, members, groups } of step) {
        const { id, type, version, created, modified, body } = resource;
        const meta = {
          resourceType: type,
          created,
          lastModified: modified,
          location: locationOf(type, id),
          version: entityTag(version),
        };
        const values = groups.map(({ group, display }) => ({ value: group, display }));
        const more = `${members === undefined ? '' : `"members":${members},`}${
          values.length === 0 ? '' : `"groups":${JSON.stringify(values)},`
        }`;
        text += `{"type":"snapshot.item","resourceType":${JSON.stringify(type)},"data":${body.slice(0, -1)},${more}"meta":${JSON.stringify(meta)}}}\n`;
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
