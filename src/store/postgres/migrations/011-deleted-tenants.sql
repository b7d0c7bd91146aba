-- A tenant that was deleted, for as long as those are told who heard of it: the name that it had, and when.
ALTER TABLE tenant ADD COLUMN was TEXT COLLATE "C", ADD COLUMN deleted TEXT COLLATE "C";
