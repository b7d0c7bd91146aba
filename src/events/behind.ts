/** How far somebody who follows the feed is behind it. */
import { changesBehind } from '../store/restored.ts';
import type { Store } from '../store/store.ts';
import { parsePosition, start } from './position.ts';

/** Of the newest number of the tenant, in changes that there are: numbers that a restored database has left out are none. */
export async function behindOf(
  store: Pick<Store, 'changes'>,
  { tenant, newest }: { readonly tenant: number; readonly newest: number },
  position: string,
): Promise<number> {
  const { sequence } = parsePosition(position) ?? start;
  return changesBehind((asked) => store.changes(asked), tenant, sequence, newest);
}
