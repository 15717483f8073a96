-- health: how far each device can be trusted, as the street knows it. One row a gateway, so that 30,000 devices are some
-- hundred rows; its body holds the devices (health/digest.go).
CREATE TABLE health_digests (
  gateway TEXT PRIMARY KEY,
  at_ms   BIGINT NOT NULL,
  body    BLOB NOT NULL
);
-- What a gateway last said of why a device is not well.
CREATE TABLE health_reasons (
  gateway TEXT NOT NULL,
  device  TEXT NOT NULL,
  at_ms   BIGINT NOT NULL,
  zh      TEXT NOT NULL,
  en      TEXT NOT NULL,
  PRIMARY KEY (gateway, device)
);
-- Times in which a device did not answer, or failed a test; to_ms is when it was well again.
CREATE TABLE breakdowns (
  gateway TEXT NOT NULL,
  device  TEXT NOT NULL,
  from_ms BIGINT NOT NULL,
  to_ms   BIGINT,                     -- NULL: it still is
  site    TEXT NOT NULL,
  kind    TEXT NOT NULL,
  what    TEXT NOT NULL,              -- offline, faulty
  PRIMARY KEY (gateway, device, from_ms)
);
CREATE INDEX breakdowns_open ON breakdowns (gateway, to_ms);
CREATE INDEX breakdowns_ended ON breakdowns (to_ms);
-- For how long the devices of one kind could be seen by the street in one day of its calendar.
CREATE TABLE availability (
  day       TEXT NOT NULL,            -- 2006-01-02
  gateway   TEXT NOT NULL,
  kind      TEXT NOT NULL,            -- of the devices; gateway: itself
  site      TEXT NOT NULL,
  devices   BIGINT NOT NULL,
  due_ms    BIGINT NOT NULL,
  online_ms BIGINT NOT NULL,
  PRIMARY KEY (day, gateway, kind)
);
CREATE INDEX availability_gateway ON availability (gateway, day);
-- When a device was calibrated or tested last, and when it is due again: days 2006-01-02.
CREATE TABLE calibrations (
  gateway TEXT NOT NULL,
  device  TEXT NOT NULL,
  done_on TEXT NOT NULL,
  due_on  TEXT NOT NULL,
  note    TEXT NOT NULL,
  who     TEXT NOT NULL,
  at_ms   BIGINT NOT NULL,
  PRIMARY KEY (gateway, device)
);
-- Outages of gateways that people were told of by an incident.
CREATE TABLE silences (
  gateway TEXT NOT NULL,
  from_ms BIGINT NOT NULL,            -- of the outage
  ended   SMALLINT NOT NULL,          -- the incident's condition is over
  PRIMARY KEY (gateway, from_ms)
);
CREATE INDEX silences_ended ON silences (ended);
CREATE INDEX outages_open ON outages (to_ms, from_ms);
-- report: what figures are counted from, one row a month and place with all its incidents (report/block.go), so that a year's
-- 350,000 incidents are some thousand rows; and the incidents that have changed since they were put there.
CREATE TABLE report_blocks (
  month TEXT NOT NULL,                -- 2006-01, in which they were opened, in the street's calendar
  site  TEXT NOT NULL,
  node  TEXT NOT NULL,                -- of incidents that are about no site
  body  BLOB NOT NULL,
  PRIMARY KEY (month, site, node)
);
CREATE TABLE report_dirty (
  incident TEXT PRIMARY KEY
);
INSERT INTO report_dirty (incident) SELECT id FROM incidents;
