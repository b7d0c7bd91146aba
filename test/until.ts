import { setTimeout as wait } from 'node:timers/promises';

/** Far longer than anything takes, and an end all the same: what never comes fails, and hangs nothing. */
const patience = 60_000;

/** Looks again and again until there is something, and answers it. Throws if it does not come. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  pause = 5,
): Promise<T> {
  const end = performance.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await wait(pause);
  }
}
