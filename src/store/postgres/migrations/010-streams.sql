-- Streams of security event tokens (RFC 9967) are delivered as webhooks are. `stream` is JSON of what one has beside.
ALTER TABLE endpoint
  ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'webhook' CHECK (kind IN ('webhook', 'push', 'poll')),
  ADD COLUMN stream TEXT COLLATE "C";

CREATE TABLE stream_removed (
  endpoint TEXT COLLATE "C" NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
  resource TEXT COLLATE "C" NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT,
  PRIMARY KEY (endpoint, resource, since)
);

CREATE TABLE stream_acknowledged (
  endpoint TEXT COLLATE "C" NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
  message TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (endpoint, message)
);

CREATE TABLE signing_key (
  id TEXT COLLATE "C" PRIMARY KEY,
  key TEXT COLLATE "C" NOT NULL,
  created TEXT COLLATE "C" NOT NULL,
  signs_from TEXT COLLATE "C" NOT NULL
);
