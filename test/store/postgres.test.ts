import { after, before } from 'node:test';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { storeContract } from './contract.ts';
import { delayed } from './delayed.ts';

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.close());

storeContract('PostgreSQL', async (options) =>
  openPostgresStore({ url: await server.newDatabase(), ...options }),
);
storeContract('PostgreSQL, every call delayed at random', async (options) =>
  delayed(await openPostgresStore({ url: await server.newDatabase(), ...options }), 7),
);
