/** Where processors are short a request goes before a delivery: of the server's threads the one that delivers yields, and V8's own where processors are few. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, getPriority } from 'node:os';
import { test } from 'node:test';
import { scimd, secretPattern, serving, temporaryFolder } from '../cli/scimd.ts';
import { newUser } from '../server.ts';
import { until } from '../until.ts';
import { startReceiver } from './receiver.ts';

const lowest = 19;

interface Thread {
  readonly name: string;
  readonly nice: number;
}

/** The threads of a process (proc(5)). */
function threadsOf(pid: number): Thread[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    let stat: string;
    try {
      stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
    } catch {
      // It has ended meanwhile.
      return [];
    }
    // The nineteenth field, of which the second is the name in brackets, and may have spaces.
    const end = stat.lastIndexOf(')');
    const nice = Number(stat.slice(end + 2).split(' ')[16]);
    return [{ name: stat.slice(stat.indexOf('(') + 1, end), nice }];
  });
}

test('the thread that delivers yields to requests, also in a server that yields itself, and those that sync the disk do not', {
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
  const own = Math.min(lowest, getPriority() + 3);
  const yielding = Math.min(lowest, own + 10);
  const found = threadsOf(server.pid);
  const told = JSON.stringify(found);
  const ofV8 = found.filter(({ name }) => name === 'V8Worker');
  const expected = availableParallelism() > 2 ? own : yielding;
  assert.ok(ofV8.length > 0 && ofV8.every(({ nice }) => nice === expected), told);
  const others = found.filter(({ name, nice }) => name !== 'V8Worker' && nice !== own);
  const yields = others.map(({ nice }) => nice);
  assert.deepEqual(yields, own === lowest ? [] : [yielding], told);
  await server.stop();
});
