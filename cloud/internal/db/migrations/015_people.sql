-- audit: what people did, each entry chained to the one before by its hash. Nothing but the retention deletes from it.
CREATE TABLE audit (
  seq     BIGINT PRIMARY KEY,         -- 1, 2, 3 … without a hole
  at      BIGINT NOT NULL,
  who     TEXT NOT NULL,              -- '': the cloud itself
  role    TEXT NOT NULL,
  address TEXT NOT NULL,
  act     TEXT NOT NULL,
  kind    TEXT NOT NULL,              -- what it was done to: incident, user, node, gateway, …
  about   TEXT NOT NULL,              -- and which
  node    TEXT NOT NULL,
  site    TEXT NOT NULL,
  zh      TEXT NOT NULL,
  en      TEXT NOT NULL,
  detail  TEXT NOT NULL,              -- JSON {"key":"value"}
  hash    TEXT NOT NULL               -- SHA-256 of the hash before and of this entry, hex
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_about ON audit (kind, about);
-- head: the newest entry, whose row every writer locks. base: the newest one that the retention has deleted.
CREATE TABLE audit_marks (
  name TEXT PRIMARY KEY,
  seq  BIGINT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO audit_marks (name, seq, hash) VALUES ('head', 0, ''), ('base', 0, '');
-- Work that is done once a day by whichever process comes first.
CREATE TABLE chores (
  name TEXT PRIMARY KEY,
  day  TEXT NOT NULL                  -- 2006-01-02, the last one on which it was claimed
);
