-- Which changes of groups are about whom: of a person's history, when they joined and left.
CREATE TABLE change_member (
  tenant BIGINT NOT NULL,
  member TEXT COLLATE "C" NOT NULL,
  sequence BIGINT NOT NULL,
  PRIMARY KEY (tenant, member, sequence)
);

INSERT INTO change_member (tenant, member, sequence)
SELECT c.tenant, j.value, c.sequence FROM change c, json_array_elements_text(c.added::json) AS j(value) WHERE c.added IS NOT NULL
UNION
SELECT c.tenant, j.value, c.sequence FROM change c, json_array_elements_text(c.removed::json) AS j(value) WHERE c.removed IS NOT NULL;

-- What was deleted, to be found by name; and whose content was erased.
CREATE INDEX change_deletion ON change (tenant, type, sequence) WHERE operation = 'delete';
CREATE INDEX change_erasure ON change (tenant, id) WHERE operation = 'erase';
