-- dock: states of devices on their way to other platforms, each target in order.
CREATE TABLE dock_queue (
  id       INTEGER PRIMARY KEY,       -- sqlite: counts by itself
  target   TEXT NOT NULL,
  gateway  TEXT NOT NULL,
  device   TEXT NOT NULL,
  incident TEXT NOT NULL,
  status   INTEGER NOT NULL,          -- 1 normal, 2 alarm, 3 fault (GB/T 45839-2025, annex D)
  at       BIGINT NOT NULL,           -- of the change, as the gateway told
  created  BIGINT NOT NULL,
  state    TEXT NOT NULL,             -- waiting, sent, refused, expired
  attempts INTEGER NOT NULL,
  next_at  BIGINT NOT NULL,
  answer   TEXT NOT NULL
);
CREATE INDEX dock_queue_due ON dock_queue (target, state, id);
-- What a target calls a device, and whether it knows of it.
CREATE TABLE dock_parts (
  target    TEXT NOT NULL,
  gateway   TEXT NOT NULL,
  device    TEXT NOT NULL,
  address   BIGINT NOT NULL,          -- 1, 2, … within the target
  status    INTEGER NOT NULL,         -- as last queued
  installed SMALLINT NOT NULL,        -- it was told what and where the device is
  PRIMARY KEY (target, gateway, device)
);
-- Questions of a target whether somebody is on duty (查岗), and who answered.
CREATE TABLE dock_checks (
  target   TEXT NOT NULL,
  asked    BIGINT NOT NULL,
  answered BIGINT NOT NULL,           -- 0: not yet
  who      TEXT NOT NULL,
  told     SMALLINT NOT NULL,         -- the target knows of the answer
  PRIMARY KEY (target, asked)
);
CREATE TABLE dock_nonces (
  target TEXT NOT NULL,
  nonce  TEXT NOT NULL,
  at     BIGINT NOT NULL,
  PRIMARY KEY (target, nonce)
);
CREATE INDEX incident_alerts_active ON incident_alerts (gateway, device) WHERE active = 1;
