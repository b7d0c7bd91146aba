-- Sessions and links of administrators, by the SHA-256 of their secret; without a tenant they are of all.
CREATE TABLE admin_grant (
  id TEXT PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('session', 'link', 'set-up')),
  role TEXT NOT NULL CHECK (role IN ('admin', 'read')),
  tenant INTEGER REFERENCES tenant (number) ON DELETE CASCADE,
  name TEXT NOT NULL,
  source TEXT,
  created TEXT NOT NULL,
  expires TEXT NOT NULL,
  ended TEXT
) STRICT;

-- What administrators did that is no change of a resource, and who tried to sign in.
CREATE TABLE admin_action (
  number INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  tenant INTEGER REFERENCES tenant (number) ON DELETE SET NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT,
  detail TEXT
) STRICT;

CREATE INDEX admin_action_tenant ON admin_action (tenant, number);
