-- The change record: dense numbers per tenant, what changed with its values before and after, who did it on which
-- occasion, and a chain of digests over all of it. Of older changes only what was recorded then is there.
CREATE TABLE change_counter (
  tenant INTEGER PRIMARY KEY REFERENCES tenant (number) ON DELETE CASCADE,
  -- The last change, and the chain's link over it; NULL where it has none.
  sequence INTEGER NOT NULL,
  link BLOB,
  -- The last change that was removed because of its age, 0 if none was, and its link.
  pruned INTEGER NOT NULL,
  pruned_link BLOB
) STRICT;

CREATE TABLE change_record (
  tenant INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  type INTEGER NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  operation TEXT NOT NULL,
  at TEXT NOT NULL,
  txn TEXT,
  request TEXT,
  -- JSON: {"kind", "id", "name", "idp", "address"}.
  actor TEXT NOT NULL,
  -- JSON: [{"path", "from", "to"}]; NULL where there are none.
  edits TEXT,
  -- JSON: ids of members that came, and of those that went.
  added TEXT,
  removed TEXT,
  -- JSON, of a deletion: {"document", "created", "groups"}.
  last TEXT,
  tolerances TEXT,
  cause TEXT,
  salt TEXT,
  digest BLOB,
  link BLOB,
  PRIMARY KEY (tenant, sequence)
) STRICT, WITHOUT ROWID;

INSERT INTO change_record (tenant, sequence, type, id, version, operation, at, actor, edits, added, removed)
SELECT
  tenant, row_number() OVER (PARTITION BY tenant ORDER BY sequence), type, id, version, operation, at,
  CASE
    WHEN token = 'jwt' THEN '{"kind":"jwt"}'
    WHEN substr(token, 1, 4) = 'jwt:' THEN json_object('kind', 'jwt', 'id', substr(token, 5))
    WHEN token IS NOT NULL THEN json_object('kind', 'token', 'id', token)
    WHEN origin IN ('cli', 'import') THEN json_object('kind', origin)
    ELSE '{"kind":"system"}'
  END,
  iif(attributes = '[]', NULL, (
    SELECT nullif(json_group_array(json_object('path', value, 'omitted', 'unrecorded')), '[]')
    FROM json_each(attributes) WHERE value <> 'members'
  )),
  added, removed
FROM change ORDER BY tenant, sequence;

INSERT INTO change_counter (tenant, sequence, pruned)
SELECT number, coalesce((SELECT max(sequence) FROM change_record WHERE tenant = number), 0), 0 FROM tenant;

DROP TABLE change;
ALTER TABLE change_record RENAME TO change;
CREATE INDEX change_subject ON change (tenant, id);
