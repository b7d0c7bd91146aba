/** A store whose every call comes late, and whose every answer too: nothing may rest on the order of calls. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Store } from '../../src/store/store.ts';

/** What is known without asking. */
const immediate: ReadonlySet<PropertyKey> = new Set<keyof Store>(['newId']);

/** Delays of 0 to 3 milliseconds, the same for the same seed. */
export function delayed(store: Store, seed: number): Store {
  let state = seed;
  const delay = (): Promise<void> => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return wait((state >>> 16) % 4);
  };
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function' || immediate.has(name)) return member;
      return async (...parameters: unknown[]) => {
        await delay();
        try {
          return await (Reflect.apply(member, target, parameters) as unknown);
        } finally {
          await delay();
        }
      };
    },
  });
}
