/** Certificates for tests of TLS (RFC 5280), made when they are needed. */
import { generateKeyPairSync, sign } from 'node:crypto';
import type { TlsIdentity } from '../../src/http/options.ts';

export interface TestCertificate extends TlsIdentity {
  /** In hexadecimal digits, as node:tls tells it of a peer. */
  readonly serialNumber: string;
}

/** One value in DER: its tag, its length, its content. */
function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const bytes = (hex: string) => Buffer.from(hex, 'hex');
const sequence = (...content: readonly Uint8Array[]) => der(0x30, ...content);
const time = (at: number) =>
  der(0x18, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));

const commonName = bytes('0603550403');
const basicConstraints = bytes('0603551d13');
const subjectAltName = bytes('0603551d11');
const ecdsaWithSha256 = sequence(bytes('06082a8648ce3d040302'));

/** A certificate for localhost that vouches for itself. */
export function newCertificate(serialNumber: string): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(`test ${serialNumber}`)))));
  const alternatives = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])));
  const extensions = sequence(
    sequence(basicConstraints, der(0x04, sequence(bytes('0101ff')))),
    sequence(subjectAltName, der(0x04, alternatives)),
  );
  const toBeSigned = sequence(
    der(0xa0, bytes('020102')), // version 3
    der(0x02, bytes(serialNumber)),
    ecdsaWithSha256,
    name,
    sequence(time(Date.now() - 60_000), time(Date.now() + 24 * 3600 * 1000)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    serialNumber: serialNumber.toUpperCase(),
  };
}
