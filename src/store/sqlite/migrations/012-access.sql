-- Roles and entitlements: the rules as they were applied last (JSON, with a filter of groups), and the groups that give
-- something by them, kept up with each change of a group.
CREATE TABLE access_rule (
  kind TEXT NOT NULL CHECK (kind IN ('role', 'entitlement')),
  name TEXT NOT NULL,
  rule TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE access_grant (
  rid INTEGER NOT NULL REFERENCES resource (rid) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  tenant INTEGER NOT NULL,
  PRIMARY KEY (rid, kind, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX access_grant_name ON access_grant (tenant, kind, name);

-- People whose access is blocked here, whatever their provider says; by id, so that who is restored is still locked.
CREATE TABLE access_lock (
  tenant INTEGER NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  id TEXT NOT NULL,
  since TEXT NOT NULL,
  reason TEXT,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- Views for other programs that read this file: see src/docs/application.md.
DROP VIEW v_access;

CREATE VIEW v_access AS
WITH RECURSIVE up (tenant, person, owner, direct) AS (
  SELECT u.tenant, u.id, m.owner, 1
  FROM resource u
  JOIN resource_type k ON k.number = u.type AND k.name = 'User'
  JOIN member m ON m.tenant = u.tenant AND m.value = u.id
  WHERE coalesce(u.active, 1) = 1
    AND NOT EXISTS (SELECT 1 FROM access_lock l WHERE l.tenant = u.tenant AND l.id = u.id)
  UNION
  SELECT up.tenant, up.person, m.owner, 0
  FROM up JOIN resource o ON o.rid = up.owner JOIN member m ON m.tenant = up.tenant AND m.value = o.id
)
SELECT t.name AS tenant, up.person AS user_id, g.id AS group_id, d.body ->> '$.displayName' AS group_display_name,
  d.body ->> '$.externalId' AS group_external_id, max(up.direct) AS direct,
  (SELECT json_group_array(name) FROM access_grant WHERE rid = up.owner AND kind = 'role') AS roles,
  (SELECT json_group_array(name) FROM access_grant WHERE rid = up.owner AND kind = 'entitlement') AS entitlements
FROM up
JOIN resource g ON g.rid = up.owner
JOIN tenant t ON t.number = up.tenant
JOIN document d ON d.rid = g.rid
GROUP BY up.tenant, up.person, up.owner;

CREATE VIEW v_roles AS
SELECT a.tenant AS tenant, a.user_id AS user_id, g.kind AS kind, g.name AS name, a.group_id AS group_id,
  a.group_display_name AS group_display_name, a.direct AS direct
FROM v_access a
JOIN tenant t ON t.name = a.tenant
JOIN resource r ON r.tenant = t.number AND r.id = a.group_id
JOIN access_grant g ON g.rid = r.rid;

DROP VIEW v_users;

CREATE VIEW v_users AS
SELECT t.name AS tenant, r.id AS id, d.body ->> '$.userName' AS user_name, d.body ->> '$.externalId' AS external_id,
  d.body ->> '$.displayName' AS display_name, coalesce(d.body ->> '$.active', 1) AS active, r.version AS version,
  substr(r.created || iif(length(r.created) = 19, '.', '') || '000', 1, 23) || 'Z' AS created,
  substr(r.modified || iif(length(r.modified) = 19, '.', '') || '000', 1, 23) || 'Z' AS modified, d.body AS document,
  EXISTS (SELECT 1 FROM access_lock l WHERE l.tenant = r.tenant AND l.id = r.id) AS locked
FROM resource r
JOIN resource_type k ON k.number = r.type AND k.name = 'User'
JOIN tenant t ON t.number = r.tenant
JOIN document d ON d.rid = r.rid;

-- The guard: since when it holds back who leaves a tenant, when it raised the alarm last, and until when an operator has
-- released it; and how many people left, or were taken out of groups, in which minute since 1970.
CREATE TABLE guard (
  tenant INTEGER PRIMARY KEY REFERENCES tenant (number) ON DELETE CASCADE,
  held TEXT,
  tripped TEXT,
  released TEXT,
  reason TEXT
) STRICT;

CREATE TABLE guard_count (
  tenant INTEGER NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('left', 'removed')),
  minute INTEGER NOT NULL,
  people INTEGER NOT NULL,
  PRIMARY KEY (tenant, kind, minute)
) STRICT, WITHOUT ROWID;

-- How many people are not active: the others are the total without them.
CREATE INDEX resource_inactive ON resource (tenant, type) WHERE active = 0;

-- Since when writes of a token, or of all of a tenant, are paused.
ALTER TABLE token ADD COLUMN paused TEXT;
ALTER TABLE tenant ADD COLUMN paused TEXT;
