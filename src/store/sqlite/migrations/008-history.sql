-- Which changes of groups are about whom: of a person's history, when they joined and left.
CREATE TABLE change_member (
  tenant INTEGER NOT NULL,
  member TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (tenant, member, sequence)
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO change_member (tenant, member, sequence)
SELECT c.tenant, j.value, c.sequence FROM change c, json_each(c.added) j WHERE c.added IS NOT NULL
UNION ALL
SELECT c.tenant, j.value, c.sequence FROM change c, json_each(c.removed) j WHERE c.removed IS NOT NULL;

-- What was deleted, to be found by name; and whose content was erased.
CREATE INDEX change_deletion ON change (tenant, type, sequence) WHERE operation = 'delete';
CREATE INDEX change_erasure ON change (tenant, id) WHERE operation = 'erase';
