-- Tenants lead every key: one tenant's look-ups never touch another's rows.
CREATE TABLE tenant (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  created TEXT NOT NULL
) STRICT;

INSERT INTO tenant (name, created) VALUES ('default', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));

-- Resource type names as small numbers. `layout` says where the type's attributes were kept when its rows were
-- written; if the configuration says otherwise now, the rows are built anew from the documents.
CREATE TABLE resource_type (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  layout TEXT NOT NULL
) STRICT;

-- Rows of a type that are being built anew: those up to `position` are as `layout` says. `cleared`: the unique values
-- of the previous layout were found to hold under this one too, and removed. `findings` is what is told at the end.
CREATE TABLE rebuild (
  type INTEGER PRIMARY KEY REFERENCES resource_type (number),
  layout TEXT NOT NULL,
  cleared INTEGER NOT NULL,
  position INTEGER NOT NULL,
  findings TEXT NOT NULL
) STRICT;

-- Attributes that have element rows or unique values, as small numbers.
CREATE TABLE attribute (
  number INTEGER PRIMARY KEY,
  type INTEGER NOT NULL REFERENCES resource_type (number),
  path TEXT NOT NULL,
  UNIQUE (type, path)
) STRICT;

-- The narrow typed row that scans and sorts read. All but `version` are comparison keys.
CREATE TABLE resource (
  rid INTEGER PRIMARY KEY,
  tenant INTEGER NOT NULL REFERENCES tenant (number),
  type INTEGER NOT NULL,
  id TEXT NOT NULL,
  external_id TEXT,
  unique_key TEXT,
  display_key TEXT,
  active INTEGER,
  created TEXT NOT NULL,
  modified TEXT NOT NULL,
  version INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX resource_id ON resource (tenant, id);
CREATE UNIQUE INDEX resource_unique ON resource (tenant, type, unique_key);
CREATE INDEX resource_external ON resource (tenant, type, external_id);
CREATE INDEX resource_display ON resource (tenant, type, display_key);
CREATE INDEX resource_modified ON resource (tenant, type, modified);
CREATE INDEX resource_order ON resource (tenant, type);

-- The rendered text apart, so that scans never drag it.
CREATE TABLE document (
  rid INTEGER PRIMARY KEY REFERENCES resource (rid) ON DELETE CASCADE,
  body TEXT NOT NULL
) STRICT;

-- JSON of the comparison keys that are in no column and no index row: a third of the text to scan, and it packs well.
CREATE TABLE document_keys (
  rid INTEGER PRIMARY KEY REFERENCES resource (rid) ON DELETE CASCADE,
  keys TEXT NOT NULL
) STRICT;

-- Values that the configured schemas have no place for: kept, not shown, and back when their definitions are.
CREATE TABLE set_aside (
  rid INTEGER PRIMARY KEY REFERENCES resource (rid) ON DELETE CASCADE,
  entries TEXT NOT NULL
) STRICT;

-- One row for each value of an indexed attribute. ANY: a key is text or a number.
CREATE TABLE element (
  rid INTEGER NOT NULL REFERENCES resource (rid) ON DELETE CASCADE,
  attribute INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  tenant INTEGER NOT NULL,
  value ANY,
  type ANY,
  display ANY,
  "primary" ANY,
  rest TEXT,
  PRIMARY KEY (rid, attribute, ordinal)
) STRICT, WITHOUT ROWID;

CREATE INDEX element_value ON element (tenant, attribute, value, type, "primary");

-- Keys of attributes with uniqueness server or global, beside the one that resource_unique holds.
CREATE TABLE unique_value (
  tenant INTEGER NOT NULL,
  attribute INTEGER NOT NULL,
  key ANY NOT NULL,
  rid INTEGER NOT NULL REFERENCES resource (rid) ON DELETE CASCADE,
  PRIMARY KEY (tenant, attribute, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX unique_value_owner ON unique_value (rid);

-- Edges from a group to its members. `kind` is the resource type of a member that the store holds; for an unknown
-- id it is null, and type and display are kept as they were sent, with their keys.
CREATE TABLE member (
  owner INTEGER NOT NULL REFERENCES resource (rid) ON DELETE CASCADE,
  value TEXT NOT NULL,
  tenant INTEGER NOT NULL,
  kind INTEGER,
  display TEXT,
  type TEXT,
  display_key TEXT,
  type_key TEXT,
  PRIMARY KEY (owner, value)
) STRICT, WITHOUT ROWID;

CREATE INDEX member_value ON member (tenant, value);

CREATE TABLE credential (
  rid INTEGER PRIMARY KEY REFERENCES resource (rid) ON DELETE CASCADE,
  hash TEXT NOT NULL
) STRICT;

-- How many resources there are, so that unfiltered totals cost nothing.
CREATE TABLE counter (
  tenant INTEGER NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  type INTEGER NOT NULL,
  total INTEGER NOT NULL,
  PRIMARY KEY (tenant, type)
) STRICT, WITHOUT ROWID;

-- Append-only; written in the transaction of the change itself.
CREATE TABLE change (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER NOT NULL,
  type INTEGER NOT NULL,
  id TEXT NOT NULL,
  operation TEXT NOT NULL,
  version INTEGER NOT NULL,
  at TEXT NOT NULL,
  token TEXT,
  origin TEXT NOT NULL,
  attributes TEXT NOT NULL,
  added TEXT,
  removed TEXT
) STRICT;

CREATE INDEX change_tenant ON change (tenant);
CREATE INDEX change_id ON change (tenant, id);

CREATE TABLE token (
  id TEXT PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  tenant INTEGER NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  idp TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('scim', 'read', 'admin')),
  created TEXT NOT NULL,
  expires TEXT,
  revoked TEXT,
  last_used TEXT,
  subject TEXT
) STRICT;

-- Random bytes of this database's own: what is encrypted with them here is readable only here.
CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

INSERT INTO secret (name, bytes) VALUES ('cursor', randomblob(32));

-- Statistics of a large database instead of measured ones: the planner chooses the same way on the first day and with a
-- million users.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('resource', 'resource_id', '1000000 100000 1'),
  ('resource', 'resource_unique', '1000000 100000 90000 1'),
  ('resource', 'resource_external', '1000000 100000 90000 1'),
  ('resource', 'resource_display', '1000000 100000 90000 2'),
  ('resource', 'resource_modified', '1000000 100000 90000 2'),
  ('resource', 'resource_order', '1000000 100000 90000'),
  ('element', 'element', '3000000 3 2 1'),
  ('element', 'element_value', '3000000 300000 100000 2 2 2'),
  ('member', 'member', '10000000 1000 1'),
  ('member', 'member_value', '10000000 1000000 10');
ANALYZE sqlite_schema;
