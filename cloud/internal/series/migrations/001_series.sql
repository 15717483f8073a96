CREATE TABLE series (
  id      INTEGER PRIMARY KEY,  -- sqlite: counts by itself
  gateway TEXT NOT NULL,
  device  TEXT NOT NULL,
  point   TEXT NOT NULL,
  UNIQUE (gateway, device, point)
);
-- status = quality * 64 + reason, as on the wire; value is NULL when the quality is bad.
CREATE TABLE readings (
  series  BIGINT NOT NULL,
  time_ms BIGINT NOT NULL,
  value   DOUBLE PRECISION,
  status  INTEGER NOT NULL,
  PRIMARY KEY (series, time_ms)
) WITHOUT ROWID;                -- sqlite: rows of one series lie together
CREATE TABLE latest (
  series  BIGINT PRIMARY KEY,
  time_ms BIGINT NOT NULL,
  value   DOUBLE PRECISION,
  status  INTEGER NOT NULL
);
