-- ingest: what could not be applied, clocks, who is looked at -------------------------------------------------------
-- How often a record could not be applied. The row goes when the record is applied or parked.
CREATE TABLE tries (
  gateway TEXT NOT NULL,
  stream  INTEGER NOT NULL,
  epoch   BIGINT NOT NULL,
  seq     BIGINT NOT NULL,
  n       INTEGER NOT NULL,
  at      BIGINT NOT NULL,
  why     TEXT NOT NULL,
  PRIMARY KEY (gateway, stream, epoch, seq)
);
-- Records that could not be applied for good. The stream goes on without them; people see them and may apply them again.
CREATE TABLE parked_records (
  id         INTEGER PRIMARY KEY,     -- sqlite: counts by itself
  gateway    TEXT NOT NULL,
  stream     INTEGER NOT NULL,
  epoch      BIGINT NOT NULL,
  seq        BIGINT NOT NULL,
  type       INTEGER NOT NULL,
  boot       BIGINT NOT NULL,
  clock      INTEGER NOT NULL,
  wall_ms    BIGINT NOT NULL,
  mono_ms    BIGINT NOT NULL,
  payload    BLOB NOT NULL,
  why        TEXT NOT NULL,
  at         BIGINT NOT NULL,
  applied_at BIGINT NOT NULL DEFAULT 0,
  UNIQUE (gateway, stream, epoch, seq)
);
-- What real time it was when a gateway's monotonic clock began to run, for each of its starts.
CREATE TABLE boots (
  gateway   TEXT NOT NULL,
  boot      BIGINT NOT NULL,
  offset_ms BIGINT NOT NULL,          -- real time minus monotonic time
  quality   INTEGER NOT NULL,         -- 0 not known, 1 by the cloud's clock, 2 by the gateway's own
  start_ms  BIGINT NOT NULL,          -- offset_ms by the cloud's clock at the newest hello; 0 without one
  skew_ms   BIGINT NOT NULL,          -- what to add to the gateway's own time at its newest hello
  untimed   BIGINT NOT NULL,          -- records that kept a time which may be wrong
  PRIMARY KEY (gateway, boot)
);
-- Until when somebody looks at a gateway's site.
CREATE TABLE watches (
  gateway  TEXT PRIMARY KEY,
  until_ms BIGINT NOT NULL
);
ALTER TABLE gateways ADD COLUMN previous BIGINT NOT NULL DEFAULT 0; -- the session before the present one
ALTER TABLE gateways ADD COLUMN retired SMALLINT NOT NULL DEFAULT 0; -- decommissioned: a new epoch is no loss
ALTER TABLE sites ADD COLUMN owner TEXT NOT NULL DEFAULT ''; -- the gateway that gives it name and time zone
UPDATE sites SET owner = coalesce((SELECT min(g.id) FROM gateways g WHERE g.site = sites.id), '');
ALTER TABLE incidents ADD COLUMN late SMALLINT NOT NULL DEFAULT 0; -- it happened while the gateway was cut off
CREATE INDEX inbox_by_gateway ON inbox (gateway, id);
CREATE INDEX journal_gateway ON journal (gateway, kind, id);
