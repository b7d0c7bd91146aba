/** Where processors are short a request goes before a delivery: of the server's threads one alone yields, the one that delivers. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { scimd, secretPattern, serving, temporaryFolder } from '../cli/scimd.ts';
import { newUser } from '../server.ts';
import { until } from '../until.ts';
import { startReceiver } from './receiver.ts';

const lowest = 19;

/** Niceness of each thread of a process (proc(5)). */
function priorities(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    let stat: string;
    try {
      stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    } catch {
      // It has ended meanwhile.
      return [];
    }
    // The nineteenth field, of which the second may have spaces.
    return [Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])];
  });
}

test('the thread that delivers yields to all others, also in a server that yields itself, and those that sync the disk do not', {
  skip: process.platform !== 'linux' && 'a thread has no priority of its own',
}, async (t) => {
  const place = {
    ...{ folder: temporaryFolder(), environment: { SCIMD_DATABASE: 'scimd.db' } },
    under: ['nice', '-n', '3'],
  };
  const receiver = await startReceiver();
  t.after(() => receiver.close());
  // Its name is looked up in the thread pool.
  const url = receiver.url.replace('127.0.0.1', 'localhost');
  const server = await serving(['serve', '--port', '0'], place);
  t.after(() => server.signal('SIGKILL'));
  const made = await scimd(['webhook', 'create', url, '--allow-private', '--json'], place);
  assert.equal(made.status, 0, made.stderr);
  receiver.secret = JSON.parse(made.stdout).secret;
  const token = secretPattern.exec(server.output.stdout)?.[0] ?? '';
  const answer = await fetch(`${server.url}/Users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify(newUser()),
  });
  assert.equal(answer.status, 201);
  await until('the event', () => receiver.events().length === 1);
  const found = priorities(server.pid);
  const own = Math.min(lowest, getPriority() + 3);
  const others = found.filter((nice) => nice !== own);
  assert.deepEqual(others, own === lowest ? [] : [Math.min(lowest, own + 10)], String(found));
  await server.stop();
});
