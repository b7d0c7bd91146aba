-- Clients that authenticate at the token endpoint by an assertion (RFC 7523): JSON {"jwksUri"} or {"jwks"}. Not a
-- foreign key: the table of tokens may be built anew.
CREATE TABLE client_key (
  token TEXT PRIMARY KEY,
  keys TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Assertions that were used, until they have expired: `until` in milliseconds since 1970.
CREATE TABLE used_assertion (
  key TEXT PRIMARY KEY,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX used_assertion_until ON used_assertion (until);
