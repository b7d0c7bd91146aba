/** The store over an embedder's tables keeps the contract of every store. */
import { storeContract } from '../store/contract.ts';
import { openStore } from './fixture.ts';

for (const kind of ['sqlite', 'server'] as const)
  storeContract(`own tables in ${kind}`, (options) => openStore(kind, options), {
    keepsStrangers: false,
    counts: false,
  });
