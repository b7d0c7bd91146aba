/** The migrations as texts. The only place that reads them from the disk: bundling replaces this module. */
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('./migrations/', import.meta.url);

export interface Migration {
  /** The version that it brings a database to: that of SQLite's migration of the same number. */
  readonly version: number;
  readonly sql: string;
}

/** In order; the first brings an empty database to its version. */
export const migrations: readonly Migration[] = readdirSync(folder)
  .filter((name) => /^\d{3}-.+\.sql$/.test(name))
  .sort()
  .map((name) => ({
    version: Number.parseInt(name, 10),
    sql: readFileSync(new URL(name, folder), 'utf8'),
  }));
