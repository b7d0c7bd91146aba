/** TLS to PostgreSQL: verified unless the address says otherwise. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseAddress } from '../../src/store/postgres/address.ts';
import { openPostgresAccess } from '../../src/store/postgres/index.ts';
import { newCertificate } from '../http/certificates.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-pg-tls-'));
const certificate = join(folder, 'server.crt');
let server: PostgresServer;

before(async () => {
  const identity = newCertificate('01');
  writeFileSync(certificate, identity.certificate);
  server = await startPostgres(
    { listen_addresses: '127.0.0.1,127.0.0.2' },
    { 'server.crt': identity.certificate, 'server.key': identity.key },
  );
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** The address by a name of the host, with these parameters. */
async function address(host: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  const url = new URL(await server.newDatabase());
  url.hostname = host;
  url.searchParams.delete('sslmode');
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

async function connects(url: string): Promise<void> {
  const store = await openPostgresAccess({ url });
  assert.equal((await store.tenants()).length, 1);
  await store.close();
}

test('a host elsewhere is verified where nothing is said, this machine is spoken to as it is', () => {
  const tls = (url: string) => parseAddress(url, {}).tls;
  assert.deepEqual(tls('postgres://u@db.example.com/d'), { rejectUnauthorized: true, checkName: true });
  assert.equal(tls('postgres://u@127.0.0.1/d'), false);
  assert.deepEqual(tls('postgres://u@db.example.com/d?sslmode=verify-ca'), {
    rejectUnauthorized: true,
    checkName: false,
  });
  for (const mode of ['prefer', 'allow', 'off'])
    assert.throws(
      () => tls(`postgres://u:secret@db.example.com/d?sslmode=${mode}`),
      (error) => {
        assert.match(String(error), /sslmode must be one of/);
        assert.doesNotMatch(String(error), /secret/);
        return true;
      },
    );
});

test('verify-full takes the certificate of the authority that is named, for the name that it has', async () => {
  await connects(await address('localhost', { sslmode: 'verify-full', sslrootcert: certificate }));
  await assert.rejects(
    connects(await address('127.0.0.2', { sslmode: 'verify-full', sslrootcert: certificate })),
    { code: 'cannot-open', message: /certificate/ },
  );
  await connects(await address('127.0.0.2', { sslmode: 'verify-ca', sslrootcert: certificate }));
});

test('a certificate that nobody known has signed is refused, unless nothing is to be verified', async () => {
  await assert.rejects(connects(await address('localhost', { sslmode: 'verify-full' })), {
    code: 'cannot-open',
    message: /certificate/,
  });
  await connects(await address('localhost', { sslmode: 'require' }));
});
