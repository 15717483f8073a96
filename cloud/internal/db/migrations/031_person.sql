-- audit: what is personal in an entry hangs on the chain by a salted hash, so that it can be taken away and the chain still stands.
ALTER TABLE audit ADD COLUMN salt TEXT NOT NULL DEFAULT ''; -- '': what is personal was taken away, or the entry is older than seals
ALTER TABLE audit ADD COLUMN seal TEXT NOT NULL DEFAULT ''; -- SHA-256 of salt and of what is personal, hex; '': older than seals, the chain holds it itself
-- What entries have been since somebody's personal data was taken out of them. The sum of all of a deed is in the chain.
CREATE TABLE audit_erased (
  seq  BIGINT NOT NULL,
  deed BIGINT NOT NULL,               -- the entry that tells of the erasure
  sum  TEXT NOT NULL,                 -- SHA-256 of the entry as it is since, hex
  PRIMARY KEY (seq, deed)
);
CREATE INDEX audit_erased_deed ON audit_erased (deed);
