-- A scope of its own for the feed.
CREATE TABLE token_next (
  id TEXT PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  tenant INTEGER NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  idp TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('scim', 'read', 'admin', 'metrics', 'events')),
  created TEXT NOT NULL,
  expires TEXT,
  revoked TEXT,
  ordered TEXT,
  ended INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1)),
  last_used TEXT,
  subject TEXT
) STRICT;

INSERT INTO token_next (id, hash, name, tenant, idp, scope, created, expires, revoked, ordered, ended, last_used, subject)
SELECT id, hash, name, tenant, idp, scope, created, expires, revoked, ordered, ended, last_used, subject FROM token;

DROP TABLE token;

ALTER TABLE token_next RENAME TO token;

-- Applications that follow the feed under a name, and what they said to have handled, when.
CREATE TABLE consumer (
  tenant INTEGER NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  name TEXT NOT NULL,
  position TEXT NOT NULL,
  acknowledged TEXT NOT NULL,
  created TEXT NOT NULL,
  PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- Webhook endpoints. `position`: all events up to there are delivered, given up, or in `delivery`; there is no copy of
-- the others. `lease_owner` delivers until `lease_until`, in milliseconds since 1970; then another server may.
CREATE TABLE endpoint (
  id TEXT PRIMARY KEY,
  tenant INTEGER NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  url TEXT NOT NULL,
  types TEXT,
  batch INTEGER NOT NULL,
  private INTEGER NOT NULL,
  secrets TEXT NOT NULL,
  signing_keys TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'disabled')),
  reason TEXT,
  created TEXT NOT NULL,
  position TEXT NOT NULL,
  failing_since TEXT,
  lease_owner TEXT,
  lease_until INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX endpoint_tenant ON endpoint (tenant);

-- Messages that failed and are tried again, or that wait behind such a one of the same subject. `body` is what was sent
-- the first time, and is sent each time; null for what was not sent yet.
CREATE TABLE delivery (
  endpoint TEXT NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
  message TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  place INTEGER NOT NULL,
  subjects TEXT NOT NULL,
  leaver INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  next INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (endpoint, message)
) STRICT, WITHOUT ROWID;

-- What was tried and what came of it: evidence of when an application was told, and where to look when it was not.
CREATE TABLE attempt (
  number INTEGER PRIMARY KEY,
  endpoint TEXT NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
  message TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  try INTEGER NOT NULL,
  at TEXT NOT NULL,
  milliseconds INTEGER NOT NULL,
  status INTEGER,
  error TEXT,
  answer TEXT NOT NULL,
  clock_difference INTEGER
) STRICT;

CREATE INDEX attempt_endpoint ON attempt (endpoint, number);
CREATE INDEX attempt_message ON attempt (endpoint, message);
