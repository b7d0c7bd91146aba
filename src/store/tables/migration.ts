/** The tables of scimd's own beside those of the embedder. */
import { randomBytes } from 'node:crypto';
import { foldingPairs } from '../../scim/comparison.ts';
import { createTenant, listTenants } from './access.ts';
import { type SqlDatabase, type Steps, statement } from './database.ts';

const tables = (integer: string, flag: string, counted: string): string[] => [
  `CREATE TABLE IF NOT EXISTS scimd_setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS scimd_tenant (number ${counted}, name TEXT NOT NULL UNIQUE, created TEXT NOT NULL, was TEXT, deleted TEXT, paused TEXT)`,
  `CREATE TABLE IF NOT EXISTS scimd_token (
  id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  tenant ${integer} NOT NULL REFERENCES scimd_tenant (number) ON DELETE CASCADE,
  idp TEXT NOT NULL,
  scope TEXT NOT NULL,
  created TEXT NOT NULL,
  expires TEXT,
  revoked TEXT,
  ordered TEXT,
  ended ${flag} NOT NULL DEFAULT 0,
  last_used TEXT,
  subject TEXT,
  first_told ${flag} NOT NULL DEFAULT 0,
  paused TEXT
)`,
  `CREATE TABLE IF NOT EXISTS scimd_resource (
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  created TEXT,
  modified TEXT,
  credential TEXT,
  PRIMARY KEY (type, id)
)`,
  `CREATE TABLE IF NOT EXISTS scimd_change_counter (
  tenant ${integer} PRIMARY KEY REFERENCES scimd_tenant (number) ON DELETE CASCADE,
  sequence ${integer} NOT NULL DEFAULT 0,
  pruned ${integer} NOT NULL DEFAULT 0,
  link TEXT,
  pruned_link TEXT
)`,
  `CREATE TABLE IF NOT EXISTS scimd_change (
  tenant ${integer} NOT NULL,
  sequence ${integer} NOT NULL,
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  version ${integer} NOT NULL,
  operation TEXT NOT NULL,
  at TEXT NOT NULL,
  txn TEXT,
  request TEXT,
  actor TEXT NOT NULL,
  edits TEXT,
  added TEXT,
  removed TEXT,
  last TEXT,
  tolerances TEXT,
  cause TEXT,
  digest TEXT,
  link TEXT,
  notice TEXT,
  salt TEXT,
  PRIMARY KEY (tenant, sequence)
)`,
  'CREATE INDEX IF NOT EXISTS scimd_change_of ON scimd_change (tenant, id, sequence)',
  `CREATE TABLE IF NOT EXISTS scimd_consumer (
  tenant ${integer} NOT NULL REFERENCES scimd_tenant (number) ON DELETE CASCADE,
  name TEXT NOT NULL,
  position TEXT NOT NULL,
  acknowledged TEXT NOT NULL,
  created TEXT NOT NULL,
  PRIMARY KEY (tenant, name)
)`,
  `CREATE TABLE IF NOT EXISTS scimd_endpoint (
  id TEXT PRIMARY KEY,
  tenant ${integer} NOT NULL REFERENCES scimd_tenant (number) ON DELETE CASCADE,
  url TEXT NOT NULL,
  types TEXT,
  batch ${integer} NOT NULL,
  private ${flag} NOT NULL,
  secrets TEXT NOT NULL,
  signing_keys TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  created TEXT NOT NULL,
  position TEXT NOT NULL,
  failing_since TEXT,
  lease_owner TEXT,
  lease_until ${integer} NOT NULL DEFAULT 0,
  kind TEXT NOT NULL DEFAULT 'webhook',
  stream TEXT,
  told ${flag} NOT NULL DEFAULT 0
)`,
  `CREATE TABLE IF NOT EXISTS scimd_delivery (
  endpoint TEXT NOT NULL REFERENCES scimd_endpoint (id) ON DELETE CASCADE,
  message TEXT NOT NULL,
  sequence ${integer} NOT NULL,
  place ${integer} NOT NULL,
  subjects TEXT NOT NULL,
  leaver ${flag} NOT NULL,
  tries ${integer} NOT NULL,
  next ${integer} NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (endpoint, message)
)`,
  `CREATE TABLE IF NOT EXISTS scimd_attempt_batch (
  id TEXT PRIMARY KEY,
  endpoint TEXT NOT NULL REFERENCES scimd_endpoint (id) ON DELETE CASCADE,
  count ${integer} NOT NULL,
  attempts TEXT NOT NULL
)`,
  'CREATE INDEX IF NOT EXISTS scimd_attempt_batch_endpoint ON scimd_attempt_batch (endpoint, id)',
  `CREATE TABLE IF NOT EXISTS scimd_confirmation (
  tenant ${integer} NOT NULL REFERENCES scimd_tenant (number) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  sequence ${integer} NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (tenant, kind, name, sequence)
)`,
  `CREATE TABLE IF NOT EXISTS scimd_stream_removed (
  endpoint TEXT NOT NULL REFERENCES scimd_endpoint (id) ON DELETE CASCADE,
  resource TEXT NOT NULL,
  since ${integer} NOT NULL,
  until ${integer},
  PRIMARY KEY (endpoint, resource, since)
)`,
  `CREATE TABLE IF NOT EXISTS scimd_stream_acknowledged (
  endpoint TEXT NOT NULL REFERENCES scimd_endpoint (id) ON DELETE CASCADE,
  message TEXT NOT NULL,
  PRIMARY KEY (endpoint, message)
)`,
  `CREATE TABLE IF NOT EXISTS scimd_access_rule (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  rule TEXT NOT NULL,
  PRIMARY KEY (kind, name)
)`,
  `CREATE TABLE IF NOT EXISTS scimd_access_grant (
  group_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  tenant ${integer} NOT NULL REFERENCES scimd_tenant (number) ON DELETE CASCADE,
  PRIMARY KEY (group_id, kind, name)
)`,
  'CREATE INDEX IF NOT EXISTS scimd_access_grant_name ON scimd_access_grant (tenant, kind, name)',
  `CREATE TABLE IF NOT EXISTS scimd_access_lock (
  tenant ${integer} NOT NULL REFERENCES scimd_tenant (number) ON DELETE CASCADE,
  id TEXT NOT NULL,
  since TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (tenant, id)
)`,
  `CREATE TABLE IF NOT EXISTS scimd_guard (
  tenant ${integer} PRIMARY KEY REFERENCES scimd_tenant (number) ON DELETE CASCADE,
  held TEXT,
  tripped TEXT,
  released TEXT,
  reason TEXT
)`,
  `CREATE TABLE IF NOT EXISTS scimd_guard_count (
  tenant ${integer} NOT NULL REFERENCES scimd_tenant (number) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  minute ${integer} NOT NULL,
  people ${integer} NOT NULL,
  PRIMARY KEY (tenant, kind, minute)
)`,
  'CREATE TABLE IF NOT EXISTS scimd_client_key (token TEXT PRIMARY KEY, keys TEXT NOT NULL)',
  `CREATE TABLE IF NOT EXISTS scimd_used_assertion (key TEXT PRIMARY KEY, until ${integer} NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS scimd_signing_key (
  id TEXT PRIMARY KEY,
  key TEXT NOT NULL,
  created TEXT NOT NULL,
  signs_from TEXT NOT NULL
)`,
];

/** As `fold` folds: simple case folding of the NFC form. */
function foldFunction(): string {
  const [from, to] = foldingPairs();
  return `CREATE OR REPLACE FUNCTION scimd_fold(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF octet_length(value) = length(value) THEN RETURN lower(value COLLATE "C"); END IF;
  RETURN normalize(translate(lower(normalize(value, NFC) COLLATE "C"), '${from}', '${to}'), NFC);
END $$`;
}

/**
 * The statements that make scimd's own tables (`scimd_…`) beside yours, for a migration of yours. They change nothing
 * where the tables are there.
 */
export function migrationOf(dialect: SqlDatabase['dialect']): readonly string[] {
  if (dialect === 'postgres')
    return [
      ...tables('BIGINT', 'BIGINT', 'BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY'),
      foldFunction(),
    ];
  return [
    ...tables('INTEGER', 'INTEGER', 'INTEGER PRIMARY KEY AUTOINCREMENT'),
    'CREATE TABLE IF NOT EXISTS scimd_folded (text TEXT PRIMARY KEY, folded TEXT NOT NULL) WITHOUT ROWID',
  ];
}

/** Makes what is not there yet, and what every database has: a secret, and the tenant `default`. */
export function* makeTables(dialect: SqlDatabase['dialect'], now: string): Steps<void> {
  for (const text of migrationOf(dialect)) yield statement(text);
  const settings = { began: now, secret: randomBytes(32).toString('base64') };
  for (const [name, value] of Object.entries(settings))
    yield statement(
      'INSERT INTO scimd_setting (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING',
      name,
      value,
    );
  if ((yield* listTenants()).length === 0) yield* createTenant('default', new Date(now));
}
