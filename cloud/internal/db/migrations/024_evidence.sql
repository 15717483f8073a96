-- evidence: bundles that gateways make when an alert comes. Their bytes are files in the cloud's folder.
CREATE TABLE evidence (
  gateway   TEXT NOT NULL,
  id        TEXT NOT NULL,            -- SHA-256 of its manifest
  size      BIGINT NOT NULL,
  have      BLOB NOT NULL,            -- a bit for each chunk that is durable here
  arrived   INTEGER NOT NULL,         -- of them
  state     TEXT NOT NULL,            -- uploading, arrived (not looked through yet), whole, refused, expired
  why_zh    TEXT NOT NULL,            -- what is wrong with it
  why_en    TEXT NOT NULL,
  number    BIGINT NOT NULL,          -- of the gateway's chain; 0: its head has not come
  previous  TEXT NOT NULL,
  alert     TEXT NOT NULL,
  at        BIGINT NOT NULL,          -- of the alert, by the gateway's clock
  heard     BIGINT NOT NULL,          -- cloud's time of the first word of it
  finished  BIGINT NOT NULL,          -- when it was whole, refused or expired
  PRIMARY KEY (gateway, id)
);
CREATE INDEX evidence_alert ON evidence (gateway, alert);
CREATE INDEX evidence_number ON evidence (gateway, number);
CREATE INDEX evidence_state ON evidence (state, heard);
-- The parts of bundles that show something.
CREATE TABLE evidence_clips (
  id          TEXT PRIMARY KEY,
  gateway     TEXT NOT NULL,
  bundle      TEXT NOT NULL,
  position    INTEGER NOT NULL,
  part        TEXT NOT NULL,          -- its name in the bundle
  kind        TEXT NOT NULL,          -- clip, still
  video       TEXT NOT NULL,          -- JSON, cloud/wire/evidence.Video
  type        TEXT NOT NULL,
  size        BIGINT NOT NULL,
  start       BIGINT NOT NULL,        -- where in the bundle it begins
  sha256      TEXT NOT NULL,
  UNIQUE (gateway, bundle, position)
);
CREATE TABLE evidence_keys (
  gateway TEXT NOT NULL,
  key     TEXT NOT NULL,              -- Ed25519, hex
  since   BIGINT NOT NULL,
  PRIMARY KEY (gateway, key)
);
