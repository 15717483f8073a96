-- The past that the loss ledger explains holes with: when devices answered, when they were configured, when gateways ran.
CREATE TABLE device_states (
  gateway TEXT NOT NULL,
  device  TEXT NOT NULL,
  at_ms   BIGINT NOT NULL,
  online  SMALLINT NOT NULL,
  reason  INTEGER NOT NULL,
  PRIMARY KEY (gateway, device, at_ms)
);
CREATE INDEX device_states_time ON device_states (gateway, at_ms);
CREATE TABLE memberships (
  gateway TEXT NOT NULL,
  device  TEXT NOT NULL,
  from_ms BIGINT NOT NULL,
  to_ms   BIGINT,                     -- NULL: still in the inventory
  channel TEXT NOT NULL,
  PRIMARY KEY (gateway, device, from_ms)
);
CREATE TABLE runs (
  gateway TEXT NOT NULL,
  boot    BIGINT NOT NULL,
  from_ms BIGINT NOT NULL,            -- of its first and last record, or of a reading that came with the next run
  to_ms   BIGINT NOT NULL,
  PRIMARY KEY (gateway, boot)
);
-- What is known before: today's devices were always there, their states since when they have them.
INSERT INTO memberships (gateway, device, from_ms, channel) SELECT gateway, id, 0, '' FROM devices;
INSERT INTO device_states (gateway, device, at_ms, online, reason) SELECT gateway, id, since, online, reason FROM devices WHERE online IS NOT NULL;
INSERT INTO runs (gateway, boot, from_ms, to_ms) SELECT id, boot, 0, last_seen FROM gateways;
