import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { storeContract } from './contract.ts';
import { delayed } from './delayed.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-store-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

storeContract('SQLite in memory', async (options) => openSqliteStore({ file: ':memory:', ...options }));
storeContract('SQLite on disk, every scan in the thread', async (options) =>
  openSqliteStore({ file: join(folder, `${++files}.db`), scanInThreadFrom: 0, ...options }),
);
storeContract('SQLite on disk, every call delayed at random', async (options) =>
  delayed(openSqliteStore({ file: join(folder, `${++files}.db`), ...options }), 7),
);
storeContract('SQLite on disk', async (options) =>
  openSqliteStore({ file: join(folder, `${++files}.db`), ...options }),
);
storeContract('SQLite on disk, units that touch groups in the thread', async (options) =>
  openSqliteStore({ file: join(folder, `${++files}.db`), unitsInThreadFrom: 1, ...options }),
);
