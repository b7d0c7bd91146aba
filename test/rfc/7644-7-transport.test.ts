import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { scimd, secretPattern, serving, temporaryFolder } from '../cli/scimd.ts';
import { handshake, secureRequest } from '../cli/tls-client.ts';
import { newCertificate } from '../http/certificates.ts';

const inMemory = ['serve', '--port', '0', '--database', ':memory:'];

test('P-7.2-01, P-7.4-02: no token travels in the clear unless the operator says that other means protect it', async () => {
  const folder = temporaryFolder();
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'id.example.com']) {
    const { status, stdout, stderr } = await scimd([...inMemory, '--host', host], { folder });
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /plain HTTP on .* would show tokens/);
    for (const way of ['--tls-certificate-file', '--trusted-proxies', '--insecure-http'])
      assert.ok(stderr.includes(way), way);
  }
  for (const args of [
    ['--host', '0.0.0.0', '--insecure-http'],
    ['--host', '0.0.0.0', '--trusted-proxies', '10.0.0.0/8'],
    ['--host', '127.0.0.1'],
    ['--host', 'localhost'],
  ]) {
    const server = await serving([...inMemory, ...args], { folder });
    assert.match(server.url, /^http:/);
    await server.stop();
  }
});

test('P-7.2-01, P-7.2-02: with a certificate it is TLS 1.2 and 1.3, nothing older, and HSTS on every answer', async () => {
  const folder = temporaryFolder();
  const { certificate: ca, key } = newCertificate('01');
  writeFileSync(join(folder, 'cert.pem'), ca);
  writeFileSync(join(folder, 'key.pem'), key);
  const server = await serving(
    [...inMemory, '--tls-certificate-file', 'cert.pem', '--tls-key-file', 'key.pem'],
    { folder },
  );
  const only = (version: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') =>
    // Security level 0, so that it is the server that refuses the old ones.
    handshake(server.url, {
      ca,
      minVersion: version,
      maxVersion: version,
      ...(version < 'TLSv1.2' ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
    });
  assert.equal(await only('TLSv1.3'), 'TLSv1.3');
  assert.equal(await only('TLSv1.2'), 'TLSv1.2');
  await assert.rejects(only('TLSv1.1'), /alert protocol version|PROTOCOL_VERSION/i);
  await assert.rejects(only('TLSv1'), /alert protocol version|PROTOCOL_VERSION/i);
  const token = (secretPattern.exec(server.output.stdout) as RegExpExecArray)[0];
  for (const [path, status, bearer] of [
    ['/Users', 200, token],
    ['/Users', 401, 'wrong'],
    ['/Nothing', 404, token],
  ] as const) {
    const answer = await secureRequest(server.url + path, { ca, token: bearer });
    assert.equal(answer.status, status);
    assert.equal(answer.headers['strict-transport-security'], 'max-age=31536000');
  }
  await server.stop();
});
