/**
 * What a request may cost: PostgreSQL ends a statement that takes longer than is left, and one that nobody waits for any
 * more is cancelled. Values that are looked at are not counted here.
 */
import { StoreError } from '../store-error.ts';
import { ended, type Work, type WorkError } from '../work.ts';
import type { Snapshot, Snapshots } from './snapshots.ts';

/** Reads from a snapshot. @throws WorkError where the request's time is over, or it has ended. */
export async function withinWork<T>(
  work: Work | undefined,
  snapshots: Snapshots,
  action: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  if (work === undefined) return snapshots.read(undefined, action);
  work.check();
  let current: Snapshot | undefined;
  let why: WorkError | undefined;
  const forget = work.onEnd((reason) => {
    why = reason;
    current?.cancel();
  });
  try {
    return await snapshots.read(work.milliseconds, (snapshot) => {
      current = snapshot;
      return action(snapshot);
    });
  } catch (error) {
    // The statement was cancelled: by its own time, or since the request has ended.
    if (error instanceof StoreError && error.code === 'busy')
      throw why ?? (work.isEnded ? ended() : work.milliseconds <= 0 ? work.tooLong() : error);
    throw error;
  } finally {
    current = undefined;
    forget();
  }
}
