-- org/window: times in which a site is under maintenance (检修). In force: from_ms <= now < until_ms.
CREATE TABLE windows (
  id       INTEGER PRIMARY KEY,       -- sqlite: counts by itself
  site     TEXT NOT NULL,
  from_ms  BIGINT NOT NULL,
  until_ms BIGINT NOT NULL,           -- of one that a person ended: when that was
  reason   TEXT NOT NULL,
  crew     TEXT NOT NULL,             -- who works there, and how they are reached
  who      TEXT NOT NULL,             -- the account that announced it
  ended_by TEXT NOT NULL              -- '': it ends by itself
);
CREATE INDEX windows_site ON windows (site, until_ms);
CREATE INDEX windows_until ON windows (until_ms);
ALTER TABLE incidents ADD COLUMN quiet SMALLINT NOT NULL DEFAULT 0; -- it came in a window, and nobody was told of it yet
