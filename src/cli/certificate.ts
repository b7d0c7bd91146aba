/** The certificate of `scimd serve`: read from its files, and again when they change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { TlsIdentity } from '../http/options.ts';
import { CommandError } from '../ops/command-error.ts';
import { fileReason } from '../ops/file-error.ts';
import type { Settings } from '../ops/options.ts';

export interface Certificate extends TlsIdentity {
  /** Until when it can be used. */
  readonly validTo: string;
}

/** Undefined if none is configured. Throws a CommandError that says what is wrong with which file. */
export function readCertificate({ tls }: Pick<Settings, 'tls'>): Certificate | undefined {
  const { certificateFile, keyFile } = tls;
  if (certificateFile === undefined || keyFile === undefined) return undefined;
  const certificate = read('tls.certificateFile', certificateFile);
  const key = read('tls.keyFile', keyFile);
  const x509 = attempt(
    () => new X509Certificate(certificate),
    `${certificateFile} contains no PEM certificate`,
  );
  const privateKey = attempt(
    () => createPrivateKey(key),
    `${keyFile} contains no PEM private key that can be read without a passphrase`,
  );
  if (!x509.checkPrivateKey(privateKey))
    throw new CommandError(
      `the key in ${keyFile} is not that of the first certificate in ${certificateFile}`,
      'The server’s own certificate goes first, then its issuers.',
    );
  return { certificate, key, validTo: new Date(x509.validTo).toISOString() };
}

function read(name: string, file: string): string {
  return attempt(() => readFileSync(file, 'utf8'), `${name} cannot be read from ${file}`);
}

function attempt<T>(action: () => T, message: string): T {
  try {
    return action();
  } catch (cause) {
    throw new CommandError(
      `${message}: ${fileReason(cause)}`,
      'Give PEM files: --tls-certificate-file FILE --tls-key-file FILE',
      { cause },
    );
  }
}

/**
 * Polls whether the certificate has changed. Compares contents, so that relinked files, as of Kubernetes and certbot, are
 * noticed too. A certificate that cannot be used is reported once: the other file may follow. Returns a function that
 * stops it.
 */
export function watchCertificate(
  current: () => Certificate,
  readAgain: () => Certificate | undefined,
  milliseconds: number,
  changed: (certificate: Certificate) => void,
  failed: (error: unknown) => void,
): () => void {
  let reported = '';
  const timer = setInterval(() => {
    try {
      const next = readAgain();
      const now = current();
      if (next !== undefined && (next.certificate !== now.certificate || next.key !== now.key)) changed(next);
      reported = '';
    } catch (error) {
      const message = (error as Error).message;
      if (message !== reported) failed(error);
      reported = message;
    }
  }, milliseconds).unref();
  return () => clearInterval(timer);
}
