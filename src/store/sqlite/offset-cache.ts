/**
 * Where the pages begin that a client asks for next: whoever walks through a list by startIndex goes on from a
 * position instead of skipping all that came before. Forgotten with the first write of a resource, so that an index means
 * what it says; what is noted of tokens, deliveries and old changes moves none. Shown by the workload `sort-deep` of npm run bench.
 */
import type { Position } from '../store.ts';

/** Walks under way at the same time; the oldest goes. */
const capacity = 256;

export interface OffsetCache {
  /** `list` names the query without its page. */
  find(list: string, offset: number): Position | undefined;
  note(list: string, offset: number, position: Position): void;
  /** Resources are written. */
  forget(): void;
  /** Another number after each {@link forget}: what was read before it is no matter to note. */
  generation(): number;
}

export function offsetCache(): OffsetCache {
  const positions = new Map<string, Position>();
  let generation = 0;
  return {
    find: (list, offset) => positions.get(`${offset} ${list}`),
    note(list, offset, position) {
      positions.set(`${offset} ${list}`, position);
      if (positions.size <= capacity) return;
      const [oldest] = positions.keys();
      positions.delete(oldest as string);
    },
    forget() {
      positions.clear();
      generation++;
    },
    generation: () => generation,
  };
}
