/** An application that is killed at random moments ends equal to the directory. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import { compare } from '../../src/consumer.ts';
import { newGroup, newUser, patchOp, startScimd } from '../server.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-application-'));
after(() => rmSync(folder, { recursive: true }));
const program = fileURLToPath(new URL('../fixtures/application.ts', import.meta.url));
const kills = 6;

test(`an application that starts from a snapshot and is killed ${kills} times ends equal to the directory`, async () => {
  const server = await startScimd();
  const url = new URL(server.base).origin;
  const token = await server.newToken({ scope: 'events' });
  const database = join(folder, 'application.db');
  const begin = (): ChildProcess =>
    spawn(process.execPath, ['--import', import.meta.resolve('tsx'), program, database, url, token], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  const people: string[] = [];
  const groups: string[] = [];
  const scim = async (method: string, path: string, body?: object): Promise<string> => {
    const { status, json, text } = await server.request(method, path, body === undefined ? {} : { body });
    assert.ok(status < 300, text);
    return json?.id;
  };
  const any = (of: readonly string[]): string => of[Math.floor(Math.random() * of.length)] ?? '';
  const change = async (): Promise<void> => {
    const dice = Math.random();
    if (people.length < 10 || dice < 0.25)
      people.push(await scim('POST', '/Users', newUser({ active: true })));
    else if (groups.length < 3) groups.push(await scim('POST', '/Groups', newGroup()));
    else if (dice < 0.35)
      await scim('DELETE', `/Users/${people.splice(Math.floor(Math.random() * people.length), 1)[0]}`);
    else if (dice < 0.6)
      await scim(
        'PATCH',
        `/Users/${any(people)}`,
        patchOp({ op: 'replace', path: 'active', value: Math.random() < 0.5 }),
      );
    else {
      const op = Math.random() < 0.6 ? 'add' : 'remove';
      await scim(
        'PATCH',
        `/Groups/${any(groups)}`,
        patchOp({ op, path: 'members', value: [{ value: any(people) }] }),
      );
    }
  };
  for (let count = 0; count < 60; count++) await change();
  let application = begin();
  for (let kill = 0; kill < kills; kill++) {
    const end = performance.now() + 800 + Math.random() * 1500;
    while (performance.now() < end) {
      await change();
      await wait(10);
    }
    application.kill('SIGKILL');
    for (let count = 0; count < 10; count++) await change();
    application = begin();
  }
  const newest = (await server.request('GET', `${url}/events?after=now`, { token })).json.position;
  await until(
    'the application to be there',
    async () => {
      const { json } = await server.request('GET', `${url}/events/consumers`, { token });
      return json.consumers[0]?.position === newest;
    },
    100,
  );
  application.kill('SIGKILL');
  const db = new Sqlite(database, { readonly: true });
  const rows = db.prepare('SELECT id, version, active, groups FROM users').all() as {
    id: string;
    version: number;
    active: number;
    groups: string;
  }[];
  db.close();
  assert.deepEqual(rows.map(({ id }) => id).sort(), [...people].sort());
  const own = rows.map(({ active, groups: text, ...row }) => ({
    ...row,
    active: active === 1,
    groups: JSON.parse(text),
  }));
  assert.deepEqual((await compare({ url, token }, own)).ids, []);
  await server.close();
});
