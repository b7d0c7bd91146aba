/** HTTPS of `scimd serve`: its certificate, and its renewal without a dropped connection. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { readCertificate, watchCertificate } from '../../src/cli/certificate.ts';
import type { TlsIdentity } from '../../src/http/options.ts';
import { newCertificate } from '../http/certificates.ts';
import { until } from '../until.ts';
import { type Serving, scimd, secretPattern, serving, temporaryFolder } from './scimd.ts';
import { secureRequest } from './tls-client.ts';

const files = ['--tls-certificate-file', 'cert.pem', '--tls-key-file', 'key.pem'];
const inMemory = ['serve', '--port', '0', '--database', ':memory:'];

function write(folder: string, { certificate, key }: TlsIdentity): void {
  writeFileSync(join(folder, 'cert.pem'), certificate);
  writeFileSync(join(folder, 'key.pem'), key);
}

async function logged(server: Serving, message: string | RegExp): Promise<void> {
  const found = () =>
    typeof message === 'string' ? server.output.stderr.includes(message) : message.test(server.output.stderr);
  await until(String(message), found);
}

/** Sends a request but for the end of its body, and gives what finishes it. */
async function half(url: string, ca: string, token: string): Promise<() => Promise<string>> {
  const { hostname, port } = new URL(url);
  const socket: TLSSocket = connect({ host: hostname, port: Number(port), ca, servername: 'localhost' });
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const body = JSON.stringify({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'half' });
  socket.write(
    `POST ${new URL(url).pathname}/Users HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: application/scim+json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 9)}`,
  );
  return () =>
    new Promise((resolve, reject) => {
      socket.once('data', (data) => {
        resolve(data.toString());
        socket.destroy();
      });
      socket.once('close', () => reject(new Error('dropped')));
      socket.write(body.slice(9));
    });
}

test('SIGHUP takes a new certificate over: open connections stay, new ones get it, a broken one changes nothing', async () => {
  const folder = temporaryFolder();
  const [first, second] = [newCertificate('0a01'), newCertificate('0b02')];
  write(folder, first);
  const server = await serving([...inMemory, ...files], { folder });
  assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+\/scim\/v2$/);
  const token = (secretPattern.exec(server.output.stdout) as RegExpExecArray)[0];
  const ca = first.certificate + second.certificate;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const users = `${server.url}/Users`;
  const before = await secureRequest(users, { ca, agent, token });
  assert.equal(before.status, 200);
  assert.equal(before.serialNumber, first.serialNumber);
  const finish = await half(server.url, ca, token);

  writeFileSync(join(folder, 'key.pem'), second.key);
  server.signal('SIGHUP');
  await logged(server, /the configuration is wrong.*\n?/);
  assert.match(server.output.stderr, /is not that of the first certificate in cert\.pem/);
  assert.equal((await secureRequest(users, { ca, token })).serialNumber, first.serialNumber);

  write(folder, second);
  server.signal('SIGHUP');
  await logged(server, 'configuration read again');
  const after = await secureRequest(users, { ca, agent, token });
  assert.deepEqual(
    [after.status, after.serialNumber, after.localPort],
    [200, first.serialNumber, before.localPort],
    'the same connection',
  );
  assert.equal((await secureRequest(users, { ca, token })).serialNumber, second.serialNumber);
  assert.match(await finish(), /^HTTP\/1\.1 201 /, 'what was under way is answered');
  agent.destroy();
  assert.equal((await server.stop()).status, 0);
});

test('files that change are seen without a signal; a half change is told once and waited out', async () => {
  const folder = temporaryFolder();
  const [first, second] = [newCertificate('0a'), newCertificate('0b')];
  write(folder, first);
  const tls = { certificateFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
  let current = readCertificate({ tls });
  assert.ok(current !== undefined);
  const failures: string[] = [];
  let whenFailed = () => {};
  let whenChanged = () => {};
  const failed = new Promise<void>((resolve) => (whenFailed = resolve));
  const changed = new Promise<void>((resolve) => (whenChanged = resolve));
  const stop = watchCertificate(
    () => current as NonNullable<typeof current>,
    () => readCertificate({ tls }),
    5,
    (next) => {
      current = next;
      whenChanged();
    },
    (error) => {
      failures.push((error as Error).message);
      whenFailed();
    },
  );
  // The watch does not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  writeFileSync(tls.certificateFile, second.certificate);
  await failed;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(current.certificate, first.certificate);
  writeFileSync(tls.keyFile, second.key);
  await changed;
  clearInterval(alive);
  stop();
  assert.equal(current.key, second.key);
  assert.deepEqual(failures, [
    `the key in ${tls.keyFile} is not that of the first certificate in ${tls.certificateFile}`,
  ]);
});

test('a server with TLS says nothing to what speaks none, and lives on', async () => {
  const folder = temporaryFolder();
  const certificate = newCertificate('0c');
  write(folder, certificate);
  const server = await serving([...inMemory, ...files], { folder });
  const { port } = new URL(server.url);
  const received = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connectPlain(Number(port), '127.0.0.1', () =>
      socket.write('GET /scim/v2/Users HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    );
    socket.on('data', (data) => (text += data.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
  assert.doesNotMatch(received, /HTTP\/1\.1/);
  const { status } = await secureRequest(server.url.replace('/scim/v2', '/healthz'), {
    ca: certificate.certificate,
  });
  assert.equal(status, 200);
  const health = await scimd(['healthcheck', '--port', port, ...files], { folder });
  assert.deepEqual([health.status, health.stdout], [0, 'ready\n'], health.stderr);
  await server.stop();
});

test('a certificate that cannot be used is told with its file and what to do', async () => {
  const folder = temporaryFolder();
  const [one, other] = [newCertificate('0d'), newCertificate('0e')];
  write(folder, { certificate: one.certificate, key: other.key });
  writeFileSync(join(folder, 'text.pem'), 'no certificate');
  const cases: readonly (readonly [string[], RegExp])[] = [
    [files, /the key in key\.pem is not that of the first certificate in cert\.pem\. /],
    [
      ['--tls-certificate-file', 'text.pem', '--tls-key-file', 'key.pem'],
      /text\.pem contains no PEM certificate/,
    ],
    [
      ['--tls-certificate-file', 'cert.pem', '--tls-key-file', 'text.pem'],
      /text\.pem contains no PEM private key/,
    ],
    [
      ['--tls-certificate-file', 'none.pem', '--tls-key-file', 'key.pem'],
      /tls\.certificateFile cannot be read/,
    ],
  ];
  for (const [args, expected] of cases) {
    const { status, stderr } = await scimd([...inMemory, ...args], { folder });
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /^ +at /m, 'no stack');
    assert.equal(status, 2);
  }
  const alone = await scimd([...inMemory, '--tls-certificate-file', 'cert.pem'], { folder });
  assert.match(alone.stderr, /tls\.certificateFile needs tls\.keyFile too/);
  assert.equal(alone.status, 2);
});
