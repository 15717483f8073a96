-- shard: which worker looks after which gateways. Times are the database's own; SQLite has one worker and no rows here.
CREATE TABLE workers (
  id       TEXT PRIMARY KEY,
  life     BIGINT NOT NULL,           -- another number in each of its lives
  alone    SMALLINT NOT NULL,         -- it keeps readings on its own disk, so there must be no other
  until_ms BIGINT NOT NULL
);
CREATE TABLE leases (
  name   TEXT PRIMARY KEY,            -- a shard 00..ff, or a duty
  worker TEXT NOT NULL,               -- '': nobody's
  token  BIGINT NOT NULL              -- grows whenever the worker changes
);
