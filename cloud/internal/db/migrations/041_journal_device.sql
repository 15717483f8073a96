-- org: which device an entry of the journal is about.
ALTER TABLE journal ADD COLUMN device TEXT NOT NULL DEFAULT ''; -- '': a line, the gateway itself, or an older entry
