/** The page for administrators is of a server with a database of its own: tables of an embedder have no sessions of ours. */
import type { AdminStore } from '../admin.ts';

function none(): Promise<never> {
  return Promise.reject(new Error('the page for administrators is not served over tables of your own'));
}

export const noAdmin: AdminStore = {
  createGrant: none,
  findGrant: () => undefined,
  grants: () => [],
  endGrant: none,
  setSource: none,
  actions: () => [],
  addAction: none,
  pruneAdmin: none,
};
