/**
 * Writes src/docs/events.md: an example of every event, as a real server tells it after the request that causes it.
 * `npm run generate:events`; with --check it only says, by its exit code, whether the page is up to date.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { applyRules } from '../src/directory/access-rules.ts';
import { Connections } from '../src/directory/connections.ts';
import { Directory } from '../src/directory/directory.ts';
import { hashSecret, newSecret } from '../src/directory/secret.ts';
import { eventTypes } from '../src/events/catalogue.ts';
import type { Event } from '../src/events/event.ts';
import { LagWatch, noticeOf } from '../src/events/lag.ts';
import { EventReader, recordsOf } from '../src/events/reader.ts';
import { shownAs } from '../src/events/shown.ts';
import { delivererOver } from '../src/events/webhook/delivery.ts';
import { Endpoints } from '../src/events/webhook/endpoints.ts';
import { startServer } from '../src/http/server.ts';
import { readAccessRules } from '../src/query/access-rules.ts';
import { configuredRegistry } from '../src/scim/custom-schemas.ts';
import { toleratedFor } from '../src/scim/tolerances.ts';
import { openSqliteStore } from '../src/store/sqlite/index.ts';
import type { Scope } from '../src/store/store.ts';

const page = fileURLToPath(new URL('../src/docs/events.md', import.meta.url));
const baseUrl = 'https://id.example.com/scim/v2';
const hour = 3_600_000;

const device = 'urn:example:schemas:Device';
const definitions = {
  schemas: [{ id: device, name: 'Device', attributes: [{ name: 'serial', type: 'string' }] }],
  resourceTypes: [{ name: 'Device', endpoint: '/Devices', schema: device }],
};

/** What was asked, and one of the events that came of it. */
interface Example {
  readonly cause: string;
  readonly event: Event;
}

async function examples(): Promise<ReadonlyMap<string, Example>> {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-events-'));
  let now = Date.parse('2026-11-28T09:14:03.218Z');
  const clock = (): Date => new Date(now);
  const registry = configuredRegistry(definitions);
  const store = openSqliteStore({ file: join(folder, 'scimd.db'), registry, clock });
  const connections = new Connections(store, {
    ...{ silentHours: 72, clock },
    onError(error) {
      throw error;
    },
  });
  const server = await startServer({
    ...{ store, clock, baseUrl, basePath: '/scim/v2', host: '127.0.0.1', port: 0 },
    guard: { people: 4, percent: 10 },
    onDeadToken: (token, reason) => connections.failing(token, reason),
  });
  const shown = shownAs(registry, '/scim/v2', baseUrl);
  const reader = new EventReader(recordsOf(store), store.feed, shown);
  const found = new Map<string, Example>();

  const newToken = async (name: string, scope: Scope, tenant = 1, hours = 8760) => {
    const secret = newSecret();
    const expires = new Date(now + hours * hour).toISOString();
    const token = { hash: hashSecret(secret), name, tenant, idp: 'okta', scope, expires };
    return { ...(await store.createToken(token)), secret };
  };
  let requests = 0;
  const send = async (secret: string, method: string, path: string, body?: object) => {
    const response = await fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${secret}`,
        'content-type': 'application/scim+json',
        'x-request-id': `c1f0-${++requests}`,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, id: text === '' ? '' : (JSON.parse(text).id as string) };
  };
  let last = 0;
  /** Runs it, and keeps those of its events that there is no example of. */
  const told = async <T>(cause: string, action: () => Promise<T> | T, tenant = 1): Promise<T> => {
    now += 1000;
    const result = await action();
    const { newest } = await store.feed.extent(tenant);
    const name = { number: tenant, name: tenant === 1 ? 'acme' : 'globex' };
    for (let more = true, position = { sequence: tenant === 1 ? last : newest - 1 } as const; more; ) {
      const read = await reader.read(name, position, { limit: 1000 });
      for (const { event } of read.made) if (!found.has(event.type)) found.set(event.type, { cause, event });
      ({ more } = read);
      position = read.position as typeof position;
    }
    if (tenant === 1) last = newest;
    return result;
  };
  const patch = (...Operations: object[]) => ({
    ...{ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations },
  });

  try {
    const roles = { billing_admin: { groups: 'externalId eq "fin"', seats: 1 } };
    await applyRules(store, readAccessRules({ roles }, registry), { kind: 'cli', name: 'root' });
    const { secret, ...okta } = await newToken('okta', 'scim');
    const user = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'jane@example.com' };
    const jane = await told('`POST /Users`', () =>
      send(secret, 'POST', '/Users', { ...user, externalId: '00u7', title: 'Engineer', active: true }),
    );
    await told('the first request of a provider', () => store.noteFirstUses());
    await told('`PATCH /Users/{id}`', () =>
      send(
        secret,
        'PATCH',
        `/Users/${jane.id}`,
        patch({ op: 'replace', path: 'title', value: 'Staff engineer' }),
      ),
    );
    const group = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName: 'Finance' };
    const finance = await told('`POST /Groups`', () =>
      send(secret, 'POST', '/Groups', { ...group, externalId: 'fin' }),
    );
    found.delete('user.access_changed');
    await told('`PATCH /Groups/{id}`, which adds a member', () =>
      send(
        secret,
        'PATCH',
        `/Groups/${finance.id}`,
        patch({ op: 'add', path: 'members', value: [{ value: jane.id }] }),
      ),
    );
    await told('`PATCH /Groups/{id}`', () =>
      send(
        secret,
        'PATCH',
        `/Groups/${finance.id}`,
        patch({ op: 'replace', path: 'displayName', value: 'Finance and legal' }),
      ),
    );
    await told('`PATCH /Users/{id}`, as Okta deactivates', () =>
      send(secret, 'PATCH', `/Users/${jane.id}`, patch({ op: 'replace', value: { active: false } })),
    );
    await told('`PATCH /Users/{id}`', () =>
      send(secret, 'PATCH', `/Users/${jane.id}`, patch({ op: 'replace', path: 'active', value: true })),
    );
    const own = await told('`POST /Devices`, a resource type of your own', () =>
      send(secret, 'POST', '/Devices', { schemas: [device], serial: 'A-1' }),
    );
    await told('`PUT /Devices/{id}`', () =>
      send(secret, 'PUT', `/Devices/${own.id}`, { schemas: [device], serial: 'A-2' }),
    );
    await told('`DELETE /Devices/{id}`', () => send(secret, 'DELETE', `/Devices/${own.id}`));
    await told('`DELETE /Users/{id}`', () => send(secret, 'DELETE', `/Users/${jane.id}`));
    await told('`DELETE /Groups/{id}`', () => send(secret, 'DELETE', `/Groups/${finance.id}`));

    const directory = new Directory(store);
    const byHand = {
      principal: {
        tenant: 1,
        scope: 'admin',
        actor: { kind: 'cli', name: 'root' },
        idp: 'generic',
        subject: undefined,
      },
      ...{ tolerated: toleratedFor('generic'), base: baseUrl },
    } as const;
    const typeOf = (name: string) => {
      const type = registry.resourceTypes.find((each) => each.name === name);
      if (type === undefined) throw new Error(`no resource type ${name}`);
      return type;
    };
    await told('`scimd group restore`', () => directory.restore(byHand, typeOf('Group'), finance.id));
    await told('`scimd user restore`', () => directory.restore(byHand, typeOf('User'), jane.id));
    await told('a restoration of a resource type of your own', () =>
      directory.restore(byHand, typeOf('Device'), own.id),
    );
    await told('`scimd user forget`', () => directory.erase(byHand, typeOf('User'), jane.id));

    const people: string[] = [];
    for (const userName of ['kim@example.com', 'lee@example.com', 'mia@example.com'])
      people.push((await send(secret, 'POST', '/Users', { ...user, userName, active: true })).id);
    const addToFinance = (value?: string) =>
      send(
        secret,
        'PATCH',
        `/Groups/${finance.id}`,
        patch({ op: 'add', path: 'members', value: [{ value }] }),
      );
    await addToFinance(people[0]);
    await told('`PATCH /Groups/{id}`, which gives a role that has no seat left', () =>
      addToFinance(people[1]),
    );
    await told('four people deactivated or deleted within an hour, with `guard.people` 4', async () => {
      for (const id of people) await send(secret, 'DELETE', `/Users/${id}`);
    });
    await told('`scimd guard release`', () =>
      store.guards.release(1, new Date(now + hour), { kind: 'cli', name: 'root' }),
    );

    now += 73 * hour;
    await told('72 hours without a request', () => connections.look());
    now = Date.parse(okta.expires ?? '') - 29 * 24 * hour;
    await told('29 days before the end of a token', () => connections.look());
    now = Date.parse(okta.expires ?? '') + hour;
    const { secret: entra } = await newToken('okta 2027', 'scim');
    await told('a request with an expired token', async () => {
      await send(secret, 'GET', '/Users');
      for (;;) {
        if ((await store.changes({ tenant: 1, id: okta.id, after: last, limit: 1 })).length > 0) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });

    const joe = await told('`POST /Users`', () =>
      send(entra, 'POST', '/Users', { ...user, userName: 'joe@example.com', active: true }),
    );
    await store.outbox.acknowledge(1, 'billing', String((await store.feed.extent(1)).newest), () => true);
    await told('`PATCH /Users/{id}`', () =>
      send(entra, 'PATCH', `/Users/${joe.id}`, patch({ op: 'replace', path: 'active', value: false })),
    );
    now += 6 * 60_000;
    await told('five minutes without an acknowledgement', async () => {
      const lags = await new LagWatch(store).look();
      await store.note(lags.map((lag) => noticeOf(lag, now)));
    });

    const endpoints = new Endpoints(store, reader, clock, shown.urlOf);
    const bodies: string[] = [];
    const app = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      bodies.push(text);
      response.writeHead(410).end();
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(app.address() as AddressInfo).port}/hook`;
    const { endpoint } = await endpoints.create({ tenant: 1, url, allowPrivate: true });
    await endpoints.test(endpoint.id);
    found.set('endpoint.test', { cause: '`scimd webhook test`', event: JSON.parse(bodies[0] ?? '') });
    await told('an endpoint that answered 410', async () => {
      const deliverer = delivererOver(store, shown, () => {}, { clock });
      await deliverer.start();
      await send(
        entra,
        'PATCH',
        `/Users/${joe.id}`,
        patch({ op: 'replace', path: 'title', value: 'Former' }),
      );
      deliverer.wake();
      while ((await store.outbox.noteDisabled()) === 0)
        await new Promise((resolve) => setTimeout(resolve, 10));
      await deliverer.stop();
    });
    await new Promise((resolve) => app.close(resolve));

    const { number } = await store.createTenant('globex');
    await newToken('app of globex', 'events', number);
    const { secret: other } = await newToken('okta of globex', 'scim', number);
    await send(other, 'POST', '/Users', user);
    const successor = number + 1;
    await told(
      '`scimd tenant delete`',
      () => store.deleteTenant('globex', byHand.principal.actor),
      successor,
    );
    await told('`scimd restore`, or `scimd restored`', () =>
      store.noteRestored({ kind: 'cli', name: 'root' }),
    );
  } finally {
    await server.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return found;
}

/** The same text for the same events: what is drawn by chance is named by its first occurrence. */
function steady(text: string): string {
  const names = new Map<string, string>();
  const events = new Map<string, string>();
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => {
      const name = names.get(id) ?? `019c-${names.size + 1}`;
      names.set(id, name);
      return name;
    })
    .replaceAll(/evt_[0-9A-Z]{26}/g, (id) => {
      const name = events.get(id) ?? `evt_01JDRS4M0K7Q3Z8V5X2N6T${String(events.size + 1).padStart(4, '0')}`;
      events.set(id, name);
      return name;
    })
    .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, 'https://app.example.com');
}

/** A member of the event on each line. */
function jsonText(event: Event): string {
  const members = Object.entries(event).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  return `{\n${members.join(',\n')}\n}`;
}

const found = await examples();
const missing = eventTypes.filter((type) => !found.has(type));
if (missing.length > 0) throw new Error(`there is no example of ${missing.join(', ')}`);
const sections = eventTypes.map((type) => {
  const { cause, event } = found.get(type) as Example;
  return `## ${type}\n\nFrom ${cause}.\n\n\`\`\`json\n${jsonText(event)}\n\`\`\`\n`;
});
const text = steady(`# Events, one by one

An example of every event, as the feed and webhooks tell it; what they mean is [told with your application](application.md#events).
Written by \`npm run generate:events\`, which asks a server. \`GET /events/types\` has a JSON Schema of each.

${sections.join('\n')}`);
if (readFileSync(page, { encoding: 'utf8', flag: 'a+' }) !== text) {
  if (process.argv.includes('--check')) {
    console.error('src/docs/events.md is not up to date: npm run generate:events');
    process.exit(1);
  }
  writeFileSync(page, text);
  console.log('wrote src/docs/events.md');
}
process.exit(0);
