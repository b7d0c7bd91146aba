-- Texts and numbers in columns of their own: not every database has a column of both. What has no column any more, since
-- its name is mostly that of something else, is built anew from the documents.
CREATE TABLE element_new (
  rid INTEGER NOT NULL REFERENCES resource (rid) ON DELETE CASCADE,
  attribute INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  tenant INTEGER NOT NULL,
  value TEXT,
  number REAL,
  type TEXT,
  display TEXT,
  "primary" INTEGER,
  rest TEXT,
  PRIMARY KEY (rid, attribute, ordinal)
) STRICT, WITHOUT ROWID;

INSERT INTO element_new (rid, attribute, ordinal, tenant, value, number, type, display, "primary", rest)
SELECT rid, attribute, ordinal, tenant,
  CASE typeof(value) WHEN 'text' THEN value END,
  CASE WHEN typeof(value) <> 'text' THEN value END,
  CASE typeof(type) WHEN 'text' THEN type END,
  CASE typeof(display) WHEN 'text' THEN display END,
  CASE WHEN typeof("primary") <> 'text' THEN CAST("primary" AS INTEGER) END,
  rest
FROM element;

DROP TABLE element;

ALTER TABLE element_new RENAME TO element;

CREATE INDEX element_value ON element (tenant, attribute, value, type, "primary");

CREATE INDEX element_number ON element (tenant, attribute, number) WHERE number IS NOT NULL;

-- Keys of numbers are their text here, as JavaScript writes it; those of types that have any are built anew.
CREATE TABLE unique_value_new (
  tenant INTEGER NOT NULL,
  attribute INTEGER NOT NULL,
  key TEXT NOT NULL,
  rid INTEGER NOT NULL REFERENCES resource (rid) ON DELETE CASCADE,
  PRIMARY KEY (tenant, attribute, key)
) STRICT, WITHOUT ROWID;

INSERT INTO unique_value_new (tenant, attribute, key, rid)
SELECT tenant, attribute, CAST(key AS TEXT), rid FROM unique_value;

DROP TABLE unique_value;

ALTER TABLE unique_value_new RENAME TO unique_value;

CREATE INDEX unique_value_owner ON unique_value (rid);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('element', 'element', '3000000 3 2 1'),
  ('element', 'element_value', '3000000 300000 100000 2 2 2'),
  ('element', 'element_number', '100000 100000 50000 2');

ANALYZE sqlite_schema;
