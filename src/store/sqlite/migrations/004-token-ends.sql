-- A token that is revoked stays so, whatever a clock says later: `ended` is 1 once its time has come, and `ordered` is when
-- the revocation was asked for, which no right clock is before. The scope `metrics` may read metrics and nothing else.
CREATE TABLE token_new (
  id TEXT PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  tenant INTEGER NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  idp TEXT NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('scim', 'read', 'admin', 'metrics')),
  created TEXT NOT NULL,
  expires TEXT,
  revoked TEXT,
  ordered TEXT,
  ended INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1)),
  last_used TEXT,
  subject TEXT
) STRICT;

INSERT INTO token_new (id, hash, name, tenant, idp, scope, created, expires, revoked, ordered, ended, last_used, subject)
SELECT id, hash, name, tenant, idp, scope, created, expires, revoked, NULL,
  revoked IS NOT NULL AND revoked <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), last_used, subject
FROM token;

DROP TABLE token;

ALTER TABLE token_new RENAME TO token;
