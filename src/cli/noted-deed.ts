/** What is done at the command line and is no change of a resource, for the same record as what the admin page does. */
import type { Store } from '../store/store.ts';
import { commandActor } from './actor.ts';

export interface Deed {
  /** `webhook.pause`. */
  readonly action: string;
  /** The number of the tenant, where it is about one. */
  readonly tenant?: number;
  readonly subject?: string;
  readonly detail?: string;
}

export function noteDeed(store: Pick<Store, 'admin'>, deed: Deed): Promise<void> {
  const name = commandActor().name ?? 'operator';
  return store.admin.addAction({ actor: `${name}, at the command line`, ...deed });
}
