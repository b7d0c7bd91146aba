/**
 * What a request may cost: PostgreSQL ends a statement that takes longer than is left, and one that nobody waits for any
 * more is cancelled. Statements that are counted end by themselves where they look at too much.
 */
import { StoreError } from '../store-error.ts';
import { ended, type Work, type WorkError } from '../work.ts';
import { isOverBudget, leftSql, setBudgetSql, unlimited } from './counting.ts';
import type { Snapshot, Snapshots } from './snapshots.ts';
import type { UnitWriter } from './unit-writer.ts';

/**
 * Reads from a snapshot. `counts`: some statement is counted.
 * @throws WorkError where the request has spent what it may, or has ended.
 */
export async function withinWork<T>(
  work: Work | undefined,
  snapshots: Snapshots,
  action: (snapshot: Snapshot) => Promise<T>,
  counts = false,
): Promise<T> {
  if (work === undefined) return snapshots.read({}, action);
  work.check();
  let current: Snapshot | undefined;
  let why: WorkError | undefined;
  const forget = work.onEnd((reason) => {
    why = reason;
    current?.cancel();
  });
  try {
    const { milliseconds, left } = work;
    return await snapshots.read({ milliseconds, ...(counts ? { values: left } : {}) }, async (snapshot) => {
      current = snapshot;
      const result = await action(snapshot);
      if (counts) {
        const { rows } = await snapshot.run(leftSql);
        work.note(left - (rows as [[number]])[0][0]);
      }
      return result;
    });
  } catch (error) {
    if (isOverBudget(error)) {
      work.note(work.left);
      throw work.tooMuch();
    }
    // The statement was cancelled: by its own time, or since the request has ended.
    if (error instanceof StoreError && error.code === 'busy')
      throw why ?? (work.isEnded ? ended() : work.milliseconds <= 0 ? work.tooLong() : error);
    throw error;
  } finally {
    current = undefined;
    forget();
  }
}

/**
 * Reads with a statement that shares its connection, and so ends by itself: nobody waits for it longer than the request may
 * take. @throws WorkError where that has ended.
 */
export async function whileWanted<T>(work: Work | undefined, action: () => Promise<T>): Promise<T> {
  if (work === undefined) return action();
  work.check();
  return new Promise<T>((resolve, reject) => {
    const forget = work.onEnd(reject);
    action().then(resolve, reject).finally(forget);
  });
}

/**
 * Runs a counted statement of a write, which may look at no more than the request has left for that; `spent` is told at what
 * it has looked. @throws WorkError `too-much`.
 */
export async function withinWriteWork<T>(
  work: Work | undefined,
  writer: UnitWriter,
  spent: (values: number) => void,
  action: () => Promise<T>,
): Promise<T> {
  const left = work?.leftInWrites ?? Number.POSITIVE_INFINITY;
  if (work !== undefined && left < 0) throw work.tooMuchInWrites();
  writer.send(setBudgetSql, [Number.isFinite(left) ? String(Math.floor(left)) : unlimited]);
  try {
    const [result, rows] = await Promise.all([action(), writer.query(leftSql, [])]);
    if (work !== undefined) {
      const [[rest]] = rows as [[number]];
      work.noteInWrites(left - rest);
      spent(left - rest);
    }
    return result;
  } catch (error) {
    if (work === undefined || !isOverBudget(error)) throw error;
    // When the transaction is begun again there is no need to look once more.
    work.noteInWrites(left + 1);
    throw work.tooMuchInWrites();
  }
}
