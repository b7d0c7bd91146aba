-- Roles and entitlements: the rules as they were applied last, the same for all tenants, and the groups that give something.
CREATE TABLE access_rule (
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('role', 'entitlement')),
  name TEXT COLLATE "C" NOT NULL,
  rule TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (kind, name)
);

CREATE TABLE access_grant (
  rid BIGINT NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  tenant BIGINT NOT NULL,
  PRIMARY KEY (rid, kind, name, tenant),
  FOREIGN KEY (rid, tenant) REFERENCES resource (rid, tenant) ON DELETE CASCADE
);

CREATE INDEX access_grant_name ON access_grant (tenant, kind, name);

CREATE TABLE access_lock (
  tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  id TEXT COLLATE "C" NOT NULL,
  since TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C",
  PRIMARY KEY (tenant, id)
);

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
  FROM up JOIN resource o ON o.rid = up.owner AND o.tenant = up.tenant
  JOIN member m ON m.tenant = up.tenant AND m.value = o.id
), nearest (tenant, person, owner, direct) AS (
  SELECT up.tenant, up.person, up.owner, max(up.direct) FROM up GROUP BY up.tenant, up.person, up.owner
)
SELECT t.name AS tenant, n.person AS user_id, g.id AS group_id, d.body ->> 'displayName' AS group_display_name,
  d.body ->> 'externalId' AS group_external_id, n.direct AS direct,
  (SELECT coalesce(json_agg(a.name ORDER BY a.name), '[]') FROM access_grant a WHERE a.rid = n.owner AND a.tenant = n.tenant AND a.kind = 'role') AS roles,
  (SELECT coalesce(json_agg(a.name ORDER BY a.name), '[]') FROM access_grant a WHERE a.rid = n.owner AND a.tenant = n.tenant AND a.kind = 'entitlement') AS entitlements
FROM nearest n
JOIN resource g ON g.rid = n.owner AND g.tenant = n.tenant
JOIN tenant t ON t.number = n.tenant
JOIN document d ON d.rid = g.rid AND d.tenant = g.tenant;

CREATE VIEW v_roles AS
SELECT a.tenant AS tenant, a.user_id AS user_id, g.kind AS kind, g.name AS name, a.group_id AS group_id,
  a.group_display_name AS group_display_name, a.direct AS direct
FROM v_access a
JOIN tenant t ON t.name = a.tenant
JOIN resource r ON r.tenant = t.number AND r.id = a.group_id
JOIN access_grant g ON g.rid = r.rid AND g.tenant = r.tenant;

DROP VIEW v_users;

CREATE VIEW v_users AS
SELECT t.name AS tenant, r.id AS id, d.body ->> 'userName' AS user_name, d.body ->> 'externalId' AS external_id,
  d.body ->> 'displayName' AS display_name, coalesce((d.body ->> 'active')::boolean, true) AS active, r.version AS version,
  substr(r.created || CASE length(r.created) WHEN 19 THEN '.' ELSE '' END || '000', 1, 23) || 'Z' AS created,
  substr(r.modified || CASE length(r.modified) WHEN 19 THEN '.' ELSE '' END || '000', 1, 23) || 'Z' AS modified,
  d.body AS document,
  EXISTS (SELECT 1 FROM access_lock l WHERE l.tenant = r.tenant AND l.id = r.id) AS locked
FROM resource r
JOIN resource_type k ON k.number = r.type AND k.name = 'User'
JOIN tenant t ON t.number = r.tenant
JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant;

-- The guard: since when it holds back who leaves a tenant, and how many did in which minute.
CREATE TABLE guard (
  tenant BIGINT PRIMARY KEY REFERENCES tenant (number) ON DELETE CASCADE,
  held TEXT COLLATE "C",
  tripped TEXT COLLATE "C",
  released TEXT COLLATE "C",
  reason TEXT COLLATE "C"
);

CREATE TABLE guard_count (
  tenant BIGINT NOT NULL REFERENCES tenant (number) ON DELETE CASCADE,
  kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('left', 'removed')),
  minute BIGINT NOT NULL,
  people BIGINT NOT NULL,
  PRIMARY KEY (tenant, kind, minute)
);

CREATE INDEX resource_inactive ON resource (tenant, type) WHERE active = 0;

ALTER TABLE token ADD COLUMN paused TEXT COLLATE "C";
ALTER TABLE tenant ADD COLUMN paused TEXT COLLATE "C";
