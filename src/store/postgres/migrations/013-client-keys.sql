-- Clients that authenticate at the token endpoint by an assertion (RFC 7523): JSON {"jwksUri"} or {"jwks"}.
CREATE TABLE client_key (
  token TEXT COLLATE "C" PRIMARY KEY,
  keys TEXT COLLATE "C" NOT NULL
);

-- Assertions that were used, until they have expired: `until` in milliseconds since 1970.
CREATE TABLE used_assertion (
  key TEXT COLLATE "C" PRIMARY KEY,
  until BIGINT NOT NULL
);

CREATE INDEX used_assertion_until ON used_assertion (until);
