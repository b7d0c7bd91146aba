-- Attempts that are stored together have one row: a row for each, with its entry of an index, was most of what deliveries
-- wrote. `attempts` is a JSON array of [message, sequence, try, at, milliseconds, status, error, answer, clock difference].
CREATE TABLE attempt_batch (
  number INTEGER PRIMARY KEY,
  endpoint TEXT NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
  count INTEGER NOT NULL,
  attempts TEXT NOT NULL
) STRICT;

INSERT INTO attempt_batch (number, endpoint, count, attempts)
SELECT number, endpoint, 1,
  json_array(json_array(message, sequence, try, at, milliseconds, status, error, answer, clock_difference))
FROM attempt ORDER BY number;

DROP TABLE attempt;

CREATE INDEX attempt_batch_endpoint ON attempt_batch (endpoint, number);
