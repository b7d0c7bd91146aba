/** The migrations as texts. The only place that reads them from the disk: bundling replaces this module. */
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('./migrations/', import.meta.url);

/** In order; the first brings an empty file to version 1, the second to 2, and so on. */
export const migrations: readonly string[] = readdirSync(folder)
  .filter((name) => /^\d{3}-.+\.sql$/.test(name))
  .sort()
  .map((name) => readFileSync(new URL(name, folder), 'utf8'));
