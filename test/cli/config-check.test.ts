/** What `config check` says is what `serve` does. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { newKey } from '../http/issuer.ts';
import { scimd, serving, temporaryFolder } from './scimd.ts';

const folder = temporaryFolder();
const jwt = ['--jwt-issuer', 'https://id.example.com', '--jwt-audience', 'x', '--jwt-jwks-file'];
const tls = ['--tls-certificate-file', 'no.pem', '--tls-key-file', 'no.pem'];
writeFileSync(join(folder, 'empty.json'), '{}');
writeFileSync(join(folder, 'none.json'), '{ "keys": [] }');
writeFileSync(join(folder, 'secret.json'), '{ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }, null] }');
writeFileSync(join(folder, 'text.json'), 'keys');

const cases: readonly (readonly [what: string, args: readonly string[], message: string | RegExp])[] = [
  [
    'plain HTTP on all addresses',
    ['--host', '0.0.0.0'],
    "flag --host: plain HTTP on 0.0.0.0 would show tokens and people's data to the network. Serve HTTPS: ",
  ],
  ['an address that is none', ['--host', '999.1.1.1', '--insecure-http'], '999.1.1.1 is not an IP address'],
  ['a certificate that is not there', tls, 'flag --tls-certificate-file: tls.certificateFile cannot be read'],
  ['keys that are not there', [...jwt, 'no.json'], 'flag --jwt-jwks-file: no.json cannot be read: ENOENT'],
  ['keys that are not JSON', [...jwt, 'text.json'], 'flag --jwt-jwks-file: text.json is not JSON'],
  ['a file without keys', [...jwt, 'empty.json'], 'flag --jwt-jwks-file: empty.json contains no public key'],
  ['a file of no keys', [...jwt, 'none.json'], 'flag --jwt-jwks-file: none.json contains no public key'],
  ['a file of a shared secret', [...jwt, 'secret.json'], 'secret.json contains no public key'],
  [
    'a sensitive attribute that nothing has',
    ['--sensitive-attributes', 'emial'],
    'flag --sensitive-attributes: sensitiveAttributes: no resource type has an attribute emial',
  ],
];

for (const [what, args, message] of cases)
  test(`${what}: config check and serve say so alike, with status 2`, async () => {
    const settings = ['--port', '0', '--database', ':memory:', ...args];
    const checked = await scimd(['config', 'check', ...settings], { folder });
    const served = await scimd(['serve', ...settings], { folder });
    for (const { status, stdout, stderr } of [checked, served]) {
      assert.ok(stderr.includes(message as string), stderr);
      assert.equal(stdout, '');
      assert.equal(status, 2);
    }
    assert.equal(checked.stderr, served.stderr);
  });

test('a database whose folder is not there, or that is one, is a problem to config check', async () => {
  mkdirSync(join(folder, 'folder'));
  for (const [database, message] of [
    ['nope/x.db', 'nope/x.db cannot be opened: its folder does not exist. Create the folder.'],
    ['folder', 'folder is a folder'],
  ] as const) {
    const { status, stderr } = await scimd(['config', 'check', '--database', database], { folder });
    assert.ok(stderr.includes(`flag --database: ${message}`), stderr);
    assert.equal(status, 2);
  }
});

test('all problems are told at once, as JSON too', async () => {
  const args = ['config', 'check', '--json', '--host', '::', ...jwt, 'no.json', '--database', 'nope/x.db'];
  const { status, stderr } = await scimd(args, { folder });
  assert.equal(status, 2);
  const { problems } = JSON.parse(stderr).error as { problems: string[] };
  assert.deepEqual(
    problems.map((problem) => /^flag (\S+):/.exec(problem)?.[1]),
    ['--host', '--jwt-jwks-file', '--database'],
  );
});

test('what can be served is valid, and makes no file', async () => {
  const place = { folder: temporaryFolder() };
  writeFileSync(join(place.folder, 'keys.json'), JSON.stringify({ keys: [(await newKey('1')).jwk] }));
  const args = [...jwt, 'keys.json', '--database', 'scimd.db', '--port', '0'];
  const { status, stderr } = await scimd(['config', 'check', ...args], place);
  assert.equal(status, 0, stderr);
  assert.equal((await scimd(['token', 'list'], place)).status, 1, 'there is no database');
  await (await serving(args, place)).stop();
});
