/** What an evidence file may be, and what a check of one says. */

export const reportFormats = ['table', 'csv', 'json'] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** A file that is not what it says, or no evidence at all. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
}

/** What a file that is whole says. */
export interface Verified {
  readonly header: Readonly<Record<string, unknown>>;
  readonly rows: number;
  readonly sha256: string;
  /** The SHA-256 of the public key that signed it, in base 64; undefined if nobody has. */
  readonly signedBy: string | undefined;
}
