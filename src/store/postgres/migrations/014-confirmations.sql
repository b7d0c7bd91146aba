-- When applications said that they have handled changes: evidence of how long leavers kept access. Of a consumer all up to
-- `sequence`, of an endpoint that change.
CREATE TABLE confirmation (
  tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('consumer', 'endpoint')),
  name TEXT COLLATE "C" NOT NULL,
  sequence BIGINT NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, kind, name, sequence)
);

CREATE INDEX confirmation_sequence ON confirmation (tenant, sequence);
