/** Roles, locks and the guard read groups and people in tables of scimd's own: there are none over an embedder's. */
import type { Grants } from '../grants.ts';
import type { Guards } from '../guard.ts';
import { StoreError } from '../store-error.ts';

function unavailable(what: string): StoreError {
  return new StoreError(
    'other-configuration',
    `${what} are not available over tables of your own`,
    'Use a database of scimd, or keep them in your application: within is told who is in which group.',
  );
}

export const noGrants: Grants = {
  rules: () => [],
  check: () => [],
  async apply(rules) {
    if (rules.length > 0) throw unavailable('roles and entitlements');
    return [];
  },
  people: () => [],
  async lock() {
    throw unavailable('locks');
  },
  unlock: async () => false,
  locks: () => [],
};

export const noGuards: Guards = {
  states: () => [],
  async hold() {
    throw unavailable('held changes');
  },
  async refused() {},
  async release() {
    throw unavailable('held changes');
  },
};
