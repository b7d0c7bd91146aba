/**
 * The peer: scimmy, scimmy-routers and express as their users put them together, in memory, on better-sqlite3 or on pg.
 * `peer.ts memory|sqlite|postgres USERS [groups]`, with the file behind it, or the address in SCIMD_DATABASE. What a careful user would do is done:
 * look-ups by id and by userName are indexed, and only the page that is asked for is handed over.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import SCIMMY from 'scimmy';
import SCIMMYRouters from 'scimmy-routers';
import { groupDocument, groupId, groupSizes, outsiders, userDocument, userId } from './data.ts';
import {
  memoryTable,
  type PeerTable,
  type PeerTables,
  postgresTables,
  type Resource,
  sqliteTables,
} from './peer-tables.ts';

const [kind, count = '0', groups, file = ''] = process.argv.slice(2);
const users = Number(count);

async function tablesOf(): Promise<PeerTables> {
  if (kind === 'sqlite') return sqliteTables(file);
  if (kind === 'postgres') return postgresTables(process.env.SCIMD_DATABASE ?? '');
  return { users: memoryTable(), groups: memoryTable(), seeded() {} };
}

const tables = await tablesOf();
/** None without users: an import begins with nothing. */
const seeded = users === 0 ? 0 : users + outsiders;
let next = seeded;

interface Asked {
  readonly id?: string;
  readonly filter?: { readonly expression: string; match(values: readonly Resource[]): Resource[] };
  /** Given to the answer when the handler has ended. */
  constraints?: { sortBy?: string; startIndex?: number; count?: number; totalResults?: number };
}

type QueryParameters = Readonly<Record<string, string | undefined>>;

function stamp(id: string, document: object, created: string, resourceType: string): Resource {
  return { ...document, id, meta: { resourceType, created, lastModified: new Date().toISOString() } };
}

async function egress(table: PeerTable, asked: Asked, query: QueryParameters): Promise<unknown> {
  const { id, filter } = asked;
  if (id !== undefined) {
    const found = await table.get(id);
    if (found === undefined) throw new Error('not found');
    return found;
  }
  // The routers hand over the numbers of a query as text, which scimmy drops.
  const [startIndex, count] = [Number(query.startIndex ?? 1), Number(query.count ?? 20)];
  asked.constraints = { ...asked.constraints, startIndex, count };
  const name = /^userName eq "([^"]*)"$/i.exec(filter?.expression ?? '')?.[1];
  if (name !== undefined) return table.named(name);
  if (filter !== undefined) return filter.match(await table.all());
  if (query.sortBy !== undefined || startIndex > 1) return table.all();
  asked.constraints.totalResults = await table.total();
  return table.page(count);
}

async function ingress(table: PeerTable, type: string, { id }: Asked, instance: object): Promise<Resource> {
  const before = id === undefined ? undefined : await table.get(id);
  const now = new Date().toISOString();
  const resource = stamp(
    id ?? userId(++next),
    JSON.parse(JSON.stringify(instance)) as object,
    before?.meta.created ?? now,
    type,
  );
  if (before === undefined && (await table.named(String(resource.userName))).length > 0)
    throw new SCIMMY.Types.Error(409, 'uniqueness', 'userName is taken');
  await table.put(resource);
  return resource;
}

for (let number = 1; number <= seeded; number++)
  await tables.users.put(stamp(userId(number), userDocument(number), new Date().toISOString(), 'User'));
for (const size of groups === 'groups' ? groupSizes.filter((each) => each <= users) : []) {
  const members = Array.from({ length: size }, (_, index) => ({
    value: userId(index + 1),
    display: `Given${index + 1} Family${index + 1}`,
    type: 'User',
  }));
  const document = { ...groupDocument(`Group of ${size}`), members };
  await tables.groups.put(stamp(groupId(size), document, new Date().toISOString(), 'Group'));
}
await tables.seeded();

// The handlers take and give plain objects, which scimmy's types do not foresee.
function handlers(table: PeerTable, type: string) {
  return {
    ingress: ((resource: Asked, instance: object) => ingress(table, type, resource, instance)) as never,
    egress: ((resource: Asked, query: QueryParameters) => egress(table, resource, query)) as never,
    degress: (() => {}) as never,
  };
}
const { User, Group } = SCIMMY.Resources;
SCIMMY.Resources.declare(User.extend(SCIMMY.Schemas.EnterpriseUser, false), handlers(tables.users, 'User'));
SCIMMY.Resources.declare(Group, handlers(tables.groups, 'Group'));

const app = express();
app.use(
  '/scim/v2',
  new SCIMMYRouters({
    type: 'bearer',
    context: (request) => request.query,
    handler: (request) => {
      if (request.header('Authorization') !== 'Bearer bench') throw new Error('not authorized');
      return 'bench';
    },
  }),
);
const server = createServer(app);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}/scim/v2`);
