-- When applications said that they have handled changes: evidence of how long leavers kept access. Of a consumer all up to
-- `sequence`, of an endpoint that change.
CREATE TABLE confirmation (
  tenant INTEGER NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('consumer', 'endpoint')),
  name TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (tenant, kind, name, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX confirmation_sequence ON confirmation (tenant, sequence);
