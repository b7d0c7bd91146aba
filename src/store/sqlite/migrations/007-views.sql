-- Views for other programs that read this file, by names that stay: see src/docs/application.md. Columns are added, and
-- neither renamed nor taken away.
CREATE VIEW v_users AS
SELECT t.name AS tenant, r.id AS id, d.body ->> '$.userName' AS user_name, d.body ->> '$.externalId' AS external_id,
  d.body ->> '$.displayName' AS display_name, coalesce(d.body ->> '$.active', 1) AS active, r.version AS version,
  substr(r.created || iif(length(r.created) = 19, '.', '') || '000', 1, 23) || 'Z' AS created, substr(r.modified || iif(length(r.modified) = 19, '.', '') || '000', 1, 23) || 'Z' AS modified, d.body AS document
FROM resource r
JOIN resource_type k ON k.number = r.type AND k.name = 'User'
JOIN tenant t ON t.number = r.tenant
JOIN document d ON d.rid = r.rid;

CREATE VIEW v_groups AS
SELECT t.name AS tenant, r.id AS id, d.body ->> '$.displayName' AS display_name,
  d.body ->> '$.externalId' AS external_id, r.version AS version, substr(r.created || iif(length(r.created) = 19, '.', '') || '000', 1, 23) || 'Z' AS created,
  substr(r.modified || iif(length(r.modified) = 19, '.', '') || '000', 1, 23) || 'Z' AS modified, d.body AS document
FROM resource r
JOIN resource_type k ON k.number = r.type AND k.name = 'Group'
JOIN tenant t ON t.number = r.tenant
JOIN document d ON d.rid = r.rid;

-- Who is a member of what, as the provider says it; a member may be a group.
CREATE VIEW v_memberships AS
SELECT t.name AS tenant, g.id AS group_id, m.value AS member_id, k.name AS member_type
FROM member m
JOIN resource g ON g.rid = m.owner
JOIN tenant t ON t.number = g.tenant
LEFT JOIN resource_type k ON k.number = m.kind;

-- Every group of every person who may sign in, nested ones too: by a group in it where `direct` is 0.
CREATE VIEW v_access AS
WITH RECURSIVE up (tenant, person, owner, direct) AS (
  SELECT u.tenant, u.id, m.owner, 1
  FROM resource u
  JOIN resource_type k ON k.number = u.type AND k.name = 'User'
  JOIN document d ON d.rid = u.rid AND coalesce(d.body ->> '$.active', 1) = 1
  JOIN member m ON m.tenant = u.tenant AND m.value = u.id
  UNION
  SELECT up.tenant, up.person, m.owner, 0
  FROM up JOIN resource o ON o.rid = up.owner JOIN member m ON m.tenant = up.tenant AND m.value = o.id
)
SELECT t.name AS tenant, up.person AS user_id, g.id AS group_id, d.body ->> '$.displayName' AS group_display_name,
  d.body ->> '$.externalId' AS group_external_id, max(up.direct) AS direct
FROM up
JOIN resource g ON g.rid = up.owner
JOIN tenant t ON t.number = up.tenant
JOIN document d ON d.rid = g.rid
GROUP BY up.tenant, up.person, up.owner;
