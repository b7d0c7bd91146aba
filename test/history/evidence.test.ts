/** Evidence files: whole or known not to be, signed by a key or by another. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { evidence, readPublicKey, readSigningKey, verifyEvidence } from '../../src/history/evidence.ts';
import { EvidenceError, reportFormats } from '../../src/history/evidence-form.ts';
import type { Report } from '../../src/history/report.ts';

const report: Report<{ userName: string; roles: readonly string[]; seats: number | undefined }> = {
  tenant: 'default',
  asOf: { sequence: 4812, at: '2026-04-01T00:00:00.000Z', link: 'ab'.repeat(32) },
  columns: ['userName', 'roles', 'seats'],
  rows: [
    { userName: 'jane, "J"', roles: ['a', 'b'], seats: -1 },
    { userName: '=HYPERLINK("x")', roles: [], seats: undefined },
    { userName: 'two\nlines', roles: [], seats: 3 },
  ],
  summary: ['3 people'],
};
const made = new Date('2026-11-28T09:14:03.218Z');
const maker = { query: 'scimd seats', author: 'jane on host', version: 'scimd 0.1.0', made };

const keys = () => generateKeyPairSync('ed25519');
const pem = {
  privateKey: (pair: ReturnType<typeof keys>) =>
    String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  publicKey: (pair: ReturnType<typeof keys>) =>
    String(pair.publicKey.export({ type: 'spki', format: 'pem' })),
};

test('a CSV says what was asked, as of which change, by whom, and has its rows behind that', () => {
  const lines = evidence(report, 'csv', maker).split('\n');
  assert.deepEqual(lines.slice(0, 10), [
    '# scimd evidence 1',
    '# query: scimd seats',
    '# tenant: default',
    '# as of: change 4812, 2026-04-01T00:00:00.000Z',
    `# link: ${'ab'.repeat(32)}`,
    '# rows: 3',
    '# summary: 3 people',
    '# author: jane on host',
    '# made: 2026-11-28T09:14:03.218Z',
    '# version: scimd 0.1.0',
  ]);
  assert.deepEqual(lines.slice(12), [
    'userName,roles,seats',
    '"jane, ""J""","a; b",-1',
    `"'=HYPERLINK(""x"")",,`,
    '"two',
    'lines",,3',
    '',
  ]);
});

for (const format of reportFormats) {
  test(`${format}: a file that is whole is verified, and every change of it is seen`, () => {
    const file = evidence(report, format, maker);
    const { rows, signedBy, header } = verifyEvidence(file);
    assert.deepEqual([rows, signedBy, header.query], [3, undefined, 'scimd seats']);
    const lines = file.split('\n');
    for (const [index, line] of lines.entries()) {
      if (line === '') continue;
      const without = lines.toSpliced(index, 1).join('\n');
      assert.throws(() => verifyEvidence(without), EvidenceError, `without line ${index}: ${line}`);
      if (!/[a-z0-9]/i.test(line)) continue;
      const at = line.search(/[a-z0-9](?=[^a-z0-9]*$)/i);
      const other = line[at] === '7' ? '8' : '7';
      const changed = lines.toSpliced(index, 1, line.slice(0, at) + other + line.slice(at + 1)).join('\n');
      assert.throws(() => verifyEvidence(changed), EvidenceError, `line ${index} changed: ${line}`);
    }
  });

  test(`${format}: a signature is of its key and of no other`, () => {
    const [mine, other] = [keys(), keys()];
    const file = evidence(report, format, { ...maker, key: readSigningKey(pem.privateKey(mine)) });
    const { signedBy } = verifyEvidence(file, readPublicKey(pem.publicKey(mine)));
    assert.match(signedBy ?? '', /^[\w+/]{43}=$/);
    assert.equal(verifyEvidence(file).signedBy, signedBy);
    assert.throws(() => verifyEvidence(file, readPublicKey(pem.publicKey(other))), /signed by another key/);
    const unsigned = evidence(report, format, maker);
    assert.throws(() => verifyEvidence(unsigned, readPublicKey(pem.publicKey(mine))), /is not signed/);
    // Somebody makes the rows and the digest anew, and keeps the signature.
    const signature = /signature"?: "?(ed25519 \S+ [^"\n]+)/.exec(file)?.[1] ?? '';
    const forged = evidence({ ...report, rows: report.rows.slice(1) }, format, maker);
    const patched =
      format === 'json'
        ? forged.replace(/("sha256": "\w+")/, `$1,\n  "signature": "${signature}"`)
        : forged.replace(/(# sha256: \w+\n)/, `$1# signature: ${signature}\n`);
    assert.notEqual(patched, forged);
    assert.throws(() => verifyEvidence(patched), /has a wrong signature/);
  });
}

test('an empty report is evidence too: that there was nothing', () => {
  for (const format of reportFormats)
    assert.equal(verifyEvidence(evidence({ ...report, rows: [] }, format, maker)).rows, 0);
});

test('what is no key and what is no evidence is said to be none', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const rsa = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  assert.throws(() => readSigningKey(rsa), new EvidenceError('is not an ed25519 private key in PEM form'));
  assert.throws(() => readSigningKey('nonsense'), EvidenceError);
  assert.throws(() => readPublicKey('nonsense'), EvidenceError);
  for (const file of ['', 'a,b\n1,2\n', '{"a": 1}', '{"evidence"', '# scimd evidence 1\na\n'])
    assert.throws(() => verifyEvidence(file), EvidenceError, file);
});
