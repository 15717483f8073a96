-- Readings lie in blocks of one point (block.go), the newest ones of a gateway in bundles of such blocks (bundle.go) until
-- there are enough of them. Table readings of 001 is emptied into blocks when the store is opened.
CREATE TABLE bundles (
  id       INTEGER PRIMARY KEY,  -- sqlite: counts by itself
  gateway  TEXT NOT NULL,
  first_ms BIGINT NOT NULL,
  last_ms  BIGINT NOT NULL,
  readings INTEGER NOT NULL,     -- 0: damaged, set aside
  points   INTEGER NOT NULL,
  data     BLOB NOT NULL
);
CREATE INDEX bundles_of ON bundles (gateway);
CREATE TABLE blocks (
  id       INTEGER PRIMARY KEY,  -- sqlite: counts by itself; of two readings with the same time the one of the larger id counts
  series   BIGINT NOT NULL,
  first_ms BIGINT NOT NULL,
  last_ms  BIGINT NOT NULL,
  readings INTEGER NOT NULL,
  data     BLOB NOT NULL
);
CREATE INDEX blocks_of ON blocks (series, last_ms, first_ms);
-- Readings before the horizon are deleted by whole blocks; those that share a block with later ones are only not shown.
CREATE TABLE horizon (before_ms BIGINT NOT NULL);
INSERT INTO horizon (before_ms) VALUES (0);
