/** The file of the exchange log: its tables, how it is recognised, how it is opened. */
import { closeSync, openSync } from 'node:fs';
import Sqlite, { type Database } from 'better-sqlite3';
import { StoreError } from '../store-error.ts';

/** "SCIX" as a number, in the header of every exchange log. */
const applicationId = 0x53434958;
const version = 2;

/**
 * Numbers are bound as doubles: what is larger than 2^53 is made within SQL.
 *
 * Ids are the time in milliseconds times 1024, and a number: their order is that of time. A mention's row is that of its
 * exchange times 32, and a number: those of the oldest exchanges are a range too. What exchanges are found by stands as a
 * number made of the text, since an index over texts takes more time than all the rest. Its index is in parts by time, so that
 * what is written and what is removed is on few pages. `tally` counts by ten minutes; `credential` has each token with its last
 * exchange.
 */
const schema = `
CREATE TABLE exchange (
  id INTEGER PRIMARY KEY,
  tenant INTEGER,
  credential INTEGER,
  status INTEGER NOT NULL,
  method TEXT NOT NULL,
  request TEXT NOT NULL,
  entry TEXT NOT NULL
) STRICT;
CREATE INDEX exchange_tenant ON exchange (tenant, id);
CREATE INDEX exchange_credential ON exchange (credential, id);
CREATE INDEX exchange_refused ON exchange (id) WHERE status >= 400;
CREATE TABLE body (id INTEGER PRIMARY KEY, sent TEXT, answered TEXT) STRICT;
CREATE TABLE mention (number INTEGER PRIMARY KEY, key INTEGER NOT NULL, part INTEGER NOT NULL) STRICT;
CREATE INDEX mention_part ON mention (part, key);
CREATE TABLE tally (
  slot INTEGER NOT NULL,
  tenant INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (slot, tenant, refused)
) STRICT, WITHOUT ROWID;
CREATE TABLE credential (
  number INTEGER PRIMARY KEY,
  token TEXT NOT NULL UNIQUE,
  name TEXT,
  tenant INTEGER,
  last INTEGER NOT NULL DEFAULT 0
) STRICT;
`;

/** From version 1, whose index of mentions had no parts: all that it has is the first. */
const toVersion2 = `
DROP INDEX mention_key;
ALTER TABLE mention ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
CREATE INDEX mention_part ON mention (part, key);
PRAGMA user_version = 2;
`;

/** @throws StoreError where the file cannot be opened, or is something else. */
export function openExchangeFile(file: string): Database {
  if (file !== ':memory:') {
    try {
      // Its owner's alone to read, as the database is.
      closeSync(openSync(file, 'ax', 0o600));
    } catch {
      // It is there already; or SQLite says why it cannot be.
    }
  }
  const db = new Sqlite(file, { timeout: 5000 });
  try {
    const pragma = (name: string): unknown => db.pragma(name, { simple: true });
    const isEmpty = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
    const id = pragma('application_id');
    if (id !== applicationId && !(id === 0 && isEmpty))
      throw new StoreError(
        'foreign-database',
        `${file} is no exchange log of this server`,
        'Give another file: exchangeLog.file.',
      );
    if (Number(pragma('user_version')) > version)
      throw new StoreError(
        'newer-database',
        `${file} was written by a newer release`,
        'Give another file, exchangeLog.file, or remove this one: it holds nothing but the log of requests.',
      );
    // It is a log: what a power cut takes of it is no harm.
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = OFF');
    db.pragma('wal_autocheckpoint = 4000');
    db.pragma('trusted_schema = OFF');
    db.pragma('temp_store = MEMORY');
    db.pragma('cache_size = -4096');
    if (isEmpty)
      db.transaction(() => {
        db.exec(schema);
        db.pragma(`application_id = ${applicationId}`);
        db.pragma(`user_version = ${version}`);
      }).immediate();
    else if (pragma('user_version') === 1)
      db.transaction(() => {
        // Another process may have done it by now.
        if (pragma('user_version') === 1) db.exec(toVersion2);
      }).immediate();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A number of 52 bits that stands for what an exchange is found by (cyrb53, public domain). */
export function keyOf(text: string): number {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (0xfffff & low) + (high >>> 0);
}
