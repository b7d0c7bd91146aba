-- Sessions and links of administrators, by the SHA-256 of their secret; without a tenant they are of all.
CREATE TABLE admin_grant (
  id TEXT COLLATE "C" PRIMARY KEY,
  hash TEXT COLLATE "C" NOT NULL UNIQUE,
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('session', 'link', 'set-up')),
  role TEXT COLLATE "C" NOT NULL CHECK (role IN ('admin', 'read')),
  tenant BIGINT REFERENCES tenant (number) ON DELETE CASCADE,
  name TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C",
  created TEXT COLLATE "C" NOT NULL,
  expires TEXT COLLATE "C" NOT NULL,
  ended TEXT COLLATE "C"
);

-- What administrators did that is no change of a resource, and who tried to sign in.
CREATE TABLE admin_action (
  number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at TEXT COLLATE "C" NOT NULL,
  tenant BIGINT REFERENCES tenant (number) ON DELETE SET NULL,
  actor TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C",
  detail TEXT COLLATE "C"
);

CREATE INDEX admin_action_tenant ON admin_action (tenant, number);
