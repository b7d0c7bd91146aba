/** PostgreSQL's error codes, and those of the way to it, as errors that say what happened and what to do. */
import { StoreError, type StoreErrorCode } from '../store-error.ts';

/** The fields of an error that the server sent, or that of a socket. */
interface Failure {
  readonly code?: string;
  readonly constraint?: string;
  readonly message: string;
  readonly severity?: string;
}

interface Kind {
  readonly code: StoreErrorCode;
  readonly message: string;
  readonly advice: string;
}

const unreachable: Kind = {
  code: 'unavailable',
  message: 'the database server cannot be reached',
  advice:
    'Is PostgreSQL running, and do host and port in the address lead to it? scimd goes on by itself when it is back.',
};

/** By SQLSTATE, or its class of two characters. */
const kinds: Readonly<Record<string, Kind>> = {
  '08': unreachable,
  // What is above it is an error of the statement: 57P01 shutdown, 57P02 crash, 57P03 starting up.
  '57P': {
    code: 'unavailable',
    message: 'the database server is starting, stopping, or has ended',
    advice: 'Look at the log of PostgreSQL. scimd goes on by itself when it is back.',
  },
  STALLED: {
    code: 'unavailable',
    message: 'the database server does not answer',
    advice:
      'Does somebody hold a lock on a table (select * from pg_stat_activity where wait_event is not null), or is the way to it cut? scimd goes on by itself.',
  },
  // This process stood still for too long within a transaction, and the server has ended the session.
  '25P03': unreachable,
  '25P04': unreachable,
  '57014': {
    code: 'busy',
    message: 'a statement was cancelled: it took too long, or somebody ended it',
    advice:
      'If it lasts, look for what the server waits for: select * from pg_stat_activity where wait_event is not null.',
  },
  '55P03': {
    code: 'busy',
    message: 'another session keeps locked what is to be written',
    advice: "Look for the session that holds it: select * from pg_stat_activity where state <> 'idle'.",
  },
  // Given up in favour of others as often as it was begun: 40001, 40P01.
  '40': {
    code: 'busy',
    message: 'others wrote the same rows each time',
    advice:
      'If it lasts, look for who else writes to the tables of scimd: the log of PostgreSQL names both sides of a deadlock.',
  },
  '53300': {
    code: 'overloaded',
    message: 'the database server has no connection left for scimd',
    advice: 'Lower ?connections=N in the address, raise max_connections, or put PgBouncer in between.',
  },
  '53100': {
    code: 'full',
    message: 'the database server has no space left on its disk',
    advice: 'Free space on the volume of PostgreSQL; scimd needs no restart.',
  },
  '53': {
    code: 'overloaded',
    message: 'the database server has too little memory or other means',
    advice: 'Look at the log of PostgreSQL.',
  },
  '25006': {
    code: 'readonly',
    message: 'the database server takes no writes: it is a standby, or set to read-only',
    advice: 'Let the address lead to the primary. After a failover scimd goes on by itself.',
  },
  '28': {
    code: 'cannot-open',
    message: 'the database server refuses the account',
    advice: 'Check user and password, and pg_hba.conf.',
  },
  '3D000': {
    code: 'cannot-open',
    message: 'there is no such database',
    advice: 'Create it: createdb --owner USER DATABASE.',
  },
  '42501': {
    code: 'cannot-open',
    message: 'the account may not do what scimd needs',
    advice: 'Grant what scimd docs scale lists: What the account needs.',
  },
  '58': {
    code: 'io',
    message: 'the database server cannot read or write its files',
    advice: 'Check the disk of PostgreSQL, and its log.',
  },
  XX001: {
    code: 'corrupt',
    message: 'the database is damaged',
    advice: 'Look at the log of PostgreSQL; restore a backup, or fail over to a standby.',
  },
};

const socketCodes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND'],
  ...['EAI_AGAIN', 'ENOENT', 'EACCES'],
]);

/** What TLS found wrong with the server's certificate. */
const certificateCodes = /^(?:CERT_|ERR_TLS_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|ERR_SSL)/;

function kindOf({ code, message }: Failure): Kind | undefined {
  if (code !== undefined) {
    if (socketCodes.has(code)) return unreachable;
    if (certificateCodes.test(code))
      return {
        code: 'cannot-open',
        message: 'the certificate of the database server cannot be verified',
        advice:
          'Name the authority that signed it: ?sslrootcert=FILE; or, within a network of your own, ?sslmode=disable.',
      };
    return kinds[code] ?? kinds[code.slice(0, 3)] ?? kinds[code.slice(0, 2)];
  }
  if (/does not support SSL/.test(message))
    return {
      code: 'cannot-open',
      message: 'the database server offers no TLS',
      advice: 'Turn it on there (ssl = on); or, within a network of your own, ?sslmode=disable.',
    };
  if (/password must be a string|no password|requires? a password/i.test(message))
    return {
      code: 'cannot-open',
      message: 'the database server wants a password, and there is none',
      advice: 'Give SCIMD_DATABASE_PASSWORD_FILE=FILE.',
    };
  if (/Connection terminated|connection error|not queryable|timeout expired|was closed/i.test(message))
    return unreachable;
  return undefined;
}

/** An error of the database or of the way to it as a StoreError; anything else as it is. */
export function toStoreError(error: unknown, isOutcomeUnknown = false): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  const kind = kindOf(error as Failure);
  if (kind === undefined) return error;
  const { code } = error as Failure;
  return new StoreError(kind.code, `${kind.message}${code === undefined ? '' : ` (${code})`}`, kind.advice, {
    cause: error,
    isOutcomeUnknown,
  });
}

/** The constraint of which a statement met a value that is there already. */
export function violatedUnique(error: unknown): string | undefined {
  const { code, constraint } = error as Failure;
  return code === '23505' ? constraint : undefined;
}

/** The transaction was given up in favour of others: once more it may go through. */
export function isTransient(error: unknown): boolean {
  const { code } = error as Failure;
  return code === '40001' || code === '40P01';
}

/** Nothing came over a connection for longer than it may take. It is of no more use. */
export class Stalled extends Error {
  override readonly name = 'Stalled';
  readonly code = 'STALLED';

  constructor(milliseconds: number) {
    super(`nothing came for ${milliseconds / 1000} seconds`);
  }
}

/** Is the connection, or the server behind it, gone or of no more use? */
export function isConnectionLost(error: unknown): boolean {
  const kind = error instanceof StoreError ? undefined : kindOf(error as Failure);
  return kind?.code === 'unavailable' || kind?.code === 'readonly';
}

/** Has the server as many connections as it, or the account, may have? */
export function isServerFull(error: unknown): boolean {
  return (error as Failure).code === '53300';
}

/** A pooler that hands each transaction to another session knows none of the statements of the one before. */
export function isForgottenStatement(error: unknown): boolean {
  const { code } = error as Failure;
  return code === '26000' || code === '42P05';
}

/** May it pass over another connection? Whom the server let wait in vain would wait as long once more. */
export function mayPassElsewhere(error: unknown): boolean {
  return (isConnectionLost(error) && !(error instanceof Stalled)) || isForgottenStatement(error);
}

/** What a store answers that was closed before. */
export function closed(): StoreError {
  return new StoreError('closed', 'the store is closed', 'Start the server again.');
}
