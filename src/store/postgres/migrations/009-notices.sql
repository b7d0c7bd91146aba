-- What is no change of a resource, and is told in the same order: JSON {"event", "type", "data"}; type 0 stands for it.
ALTER TABLE change ADD COLUMN notice TEXT COLLATE "C";

-- Is it told that the token was used for the first time?
ALTER TABLE token ADD COLUMN first_told BIGINT NOT NULL DEFAULT 0 CHECK (first_told IN (0, 1));
UPDATE token SET first_told = 1 WHERE last_used IS NOT NULL;

-- Is it told that the endpoint was disabled?
ALTER TABLE endpoint ADD COLUMN told BIGINT NOT NULL DEFAULT 0 CHECK (told IN (0, 1));
UPDATE endpoint SET told = 1 WHERE state = 'disabled';
