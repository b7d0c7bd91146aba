-- A tenant that was deleted, for as long as those are told who heard of it: the name that it had, and when.
ALTER TABLE tenant ADD COLUMN was TEXT;
ALTER TABLE tenant ADD COLUMN deleted TEXT;
