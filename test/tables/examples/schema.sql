CREATE TABLE users (
  id {key},
  scim_id TEXT UNIQUE,
  scim_version INTEGER NOT NULL DEFAULT 1,
  email TEXT NOT NULL,
  email_folded TEXT NOT NULL,
  idp_id TEXT,
  first_name TEXT,
  disabled_at {time},
  deleted_at {time},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  scim {json}
);
CREATE UNIQUE INDEX users_email ON users (email_folded) WHERE deleted_at IS NULL;
CREATE INDEX users_idp ON users (idp_id);
CREATE TABLE teams (
  id {key},
  scim_id TEXT UNIQUE,
  scim_version INTEGER NOT NULL DEFAULT 1,
  name TEXT NOT NULL,
  idp_id TEXT,
  scim {json}
);
CREATE INDEX teams_idp ON teams (idp_id);
CREATE TABLE team_members (
  team_id INTEGER NOT NULL REFERENCES teams (id),
  user_id INTEGER REFERENCES users (id),
  child_id INTEGER REFERENCES teams (id)
);
CREATE UNIQUE INDEX team_members_of_team ON team_members (team_id, user_id);
CREATE UNIQUE INDEX teams_of_team ON team_members (team_id, child_id);
CREATE INDEX team_members_of_user ON team_members (user_id);
CREATE INDEX teams_in_teams ON team_members (child_id);
