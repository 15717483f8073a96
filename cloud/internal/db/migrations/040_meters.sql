-- org/meter: a device was exchanged at one place (换表); its counters go on from those of the old one.
CREATE TABLE meters (
  id        INTEGER PRIMARY KEY,       -- sqlite: counts by itself
  gateway   TEXT NOT NULL,
  device    TEXT NOT NULL,
  at_ms     BIGINT NOT NULL,           -- from then on readings are the new one's
  serial    TEXT NOT NULL,             -- of the new one; '': nobody said
  reason    TEXT NOT NULL,
  who       TEXT NOT NULL,             -- the account that noted it
  noted_at  BIGINT NOT NULL,
  undone_at BIGINT NOT NULL DEFAULT 0, -- a wrong entry, taken back; 0: it counts
  undone_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX meters_device ON meters (gateway, device, at_ms);
CREATE TABLE meter_readings (
  meter   BIGINT NOT NULL,
  point   TEXT NOT NULL,
  last_of DOUBLE PRECISION NOT NULL,   -- what the old one showed last
  first_of DOUBLE PRECISION NOT NULL,  -- what the new one showed first
  PRIMARY KEY (meter, point)
);
