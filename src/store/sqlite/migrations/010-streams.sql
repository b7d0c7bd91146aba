-- Streams of security event tokens (RFC 9967) are delivered as webhooks are: `push` (RFC 8935) by the same machinery,
-- `poll` (RFC 8936) by nobody. `stream` is JSON of what a stream has beside.
ALTER TABLE endpoint ADD COLUMN kind TEXT NOT NULL DEFAULT 'webhook' CHECK (kind IN ('webhook', 'push', 'poll'));

ALTER TABLE endpoint ADD COLUMN stream TEXT;

-- Resources whose events a receiver does not want on a stream: those of changes behind number `since`, up to `until`.
CREATE TABLE stream_removed (
  endpoint TEXT NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
  resource TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER,
  PRIMARY KEY (endpoint, resource, since)
) STRICT, WITHOUT ROWID;

-- Tokens that a receiver has acknowledged ahead of others: those behind the stream's position.
CREATE TABLE stream_acknowledged (
  endpoint TEXT NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
  message TEXT NOT NULL,
  PRIMARY KEY (endpoint, message)
) STRICT, WITHOUT ROWID;

-- What security event tokens are signed with: JSON Web Keys. The newest whose `signs_from` has come signs.
CREATE TABLE signing_key (
  id TEXT PRIMARY KEY,
  key TEXT NOT NULL,
  created TEXT NOT NULL,
  signs_from TEXT NOT NULL
) STRICT;
