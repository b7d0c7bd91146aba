/** Who wants more places than there are waits for a turn, and nobody is passed by. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FairQueue } from '../../src/store/fair-queue.ts';

/** What began, in its order, and how each is ended. */
function queued(places: number, share: number) {
  const queue = new FairQueue<string>(places, share);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    add(owner: string, name: string, size?: number): void {
      const action = () => {
        begun.push(name);
        return new Promise<void>((resolve) => ends.set(name, resolve));
      };
      void queue.run(owner, action, undefined, size);
    },
    async end(name: string): Promise<void> {
      ends.get(name)?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('owners take turns, and none has more than its share', async () => {
  const { begun, add, end } = queued(2, 1);
  for (const name of ['a1', 'a2', 'a3']) add('a', name);
  add('b', 'b1');
  add('c', 'c1');
  assert.deepEqual(begun, ['a1', 'b1']);
  await end('a1');
  assert.deepEqual(begun, ['a1', 'b1', 'a2']);
  await end('b1');
  assert.deepEqual(begun, ['a1', 'b1', 'a2', 'c1']);
  await end('c1');
  assert.deepEqual(begun, ['a1', 'b1', 'a2', 'c1'], 'one of a at a time');
  await end('a2');
  assert.deepEqual(begun, ['a1', 'b1', 'a2', 'c1', 'a3']);
});

test('what takes several places waits for them, and what takes fewer does not pass it by', async () => {
  const { begun, add, end } = queued(4, 2);
  for (const name of ['a1', 'a2', 'a3']) add('a', name);
  add('b', 'b1');
  add('c', 'c2', 2);
  add('b', 'b2');
  add('d', 'd1');
  assert.deepEqual(begun, ['a1', 'a2', 'b1']);
  await end('a1');
  assert.deepEqual(begun, ['a1', 'a2', 'b1', 'a3'], 'a was there before');
  await end('b1');
  assert.deepEqual(begun, ['a1', 'a2', 'b1', 'a3', 'c2']);
  await end('a2');
  assert.deepEqual(begun, ['a1', 'a2', 'b1', 'a3', 'c2', 'b2']);
  await end('c2');
  assert.deepEqual(begun, ['a1', 'a2', 'b1', 'a3', 'c2', 'b2', 'd1']);
});
