-- Times are Unix milliseconds. Epochs and sessions are unsigned 64-bit numbers stored as their signed twins.

-- org: what reports, and what it consists of -----------------------------------------------------------------------
CREATE TABLE sites (
  id       TEXT PRIMARY KEY,
  name     TEXT NOT NULL,
  timezone TEXT NOT NULL
);
CREATE TABLE gateways (
  id        TEXT PRIMARY KEY,
  site      TEXT NOT NULL,
  session   BIGINT NOT NULL,
  boot      BIGINT NOT NULL,
  version   TEXT NOT NULL,
  online    SMALLINT NOT NULL,
  since     BIGINT NOT NULL,          -- of being online or offline
  last_seen BIGINT NOT NULL
);
CREATE TABLE devices (
  gateway  TEXT NOT NULL,
  id       TEXT NOT NULL,
  position INTEGER NOT NULL,
  name     TEXT NOT NULL,
  kind     TEXT NOT NULL,
  model    TEXT NOT NULL,
  place    TEXT NOT NULL,
  zone     TEXT NOT NULL,
  poll_ms  BIGINT NOT NULL,
  online   SMALLINT,                  -- NULL: not told yet
  reason   INTEGER NOT NULL DEFAULT 0,
  since    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (gateway, id)
);
CREATE TABLE points (
  gateway  TEXT NOT NULL,
  model    TEXT NOT NULL,
  name     TEXT NOT NULL,
  position INTEGER NOT NULL,
  unit     TEXT NOT NULL,
  labels   TEXT NOT NULL,             -- JSON {"0":"断开"}
  PRIMARY KEY (gateway, model, name)
);
CREATE TABLE outages (
  gateway TEXT NOT NULL,
  from_ms BIGINT NOT NULL,
  to_ms   BIGINT,                     -- NULL: still offline
  PRIMARY KEY (gateway, from_ms)
);
-- What the operator of the cloud should know about a gateway: possible data loss, a second gateway with its name.
CREATE TABLE journal (
  id      INTEGER PRIMARY KEY,        -- sqlite: counts by itself
  at      BIGINT NOT NULL,
  gateway TEXT NOT NULL,
  kind    TEXT NOT NULL,
  zh      TEXT NOT NULL,
  en      TEXT NOT NULL
);

-- inbox: what has arrived ------------------------------------------------------------------------------------------
CREATE TABLE cursors (
  gateway TEXT NOT NULL,
  stream  INTEGER NOT NULL,
  epoch   BIGINT NOT NULL,
  cum     BIGINT NOT NULL,            -- every sequence <= cum is here, or is known to be nowhere
  wall_ms BIGINT NOT NULL,            -- time of the newest record
  current SMALLINT NOT NULL,          -- the epoch of the newest hello
  PRIMARY KEY (gateway, stream, epoch)
);
CREATE TABLE gaps (
  gateway TEXT NOT NULL,
  stream  INTEGER NOT NULL,
  epoch   BIGINT NOT NULL,
  first   BIGINT NOT NULL,
  last    BIGINT NOT NULL,
  reason  TEXT NOT NULL,
  from_ms BIGINT,                     -- time of the records around the gap, once they are known
  to_ms   BIGINT,
  PRIMARY KEY (gateway, stream, epoch, first)
);
CREATE TABLE inbox (
  id      INTEGER PRIMARY KEY,        -- sqlite: counts by itself
  gateway TEXT NOT NULL,
  epoch   BIGINT NOT NULL,
  seq     BIGINT NOT NULL,
  payload BLOB NOT NULL
);
CREATE TABLE events (
  gateway TEXT NOT NULL,
  stream  INTEGER NOT NULL,
  epoch   BIGINT NOT NULL,
  seq     BIGINT NOT NULL,
  wall_ms BIGINT NOT NULL,
  payload BLOB NOT NULL,
  PRIMARY KEY (gateway, stream, epoch, seq)
);
-- Readings that the series store will never take, and what it said.
CREATE TABLE parked (
  id      INTEGER PRIMARY KEY,
  at      BIGINT NOT NULL,
  gateway TEXT NOT NULL,
  device  TEXT NOT NULL,
  point   TEXT NOT NULL,
  time_ms BIGINT NOT NULL,
  value   DOUBLE PRECISION,
  quality INTEGER NOT NULL,
  why     TEXT NOT NULL
);

-- incident ---------------------------------------------------------------------------------------------------------
CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);
CREATE TABLE incidents (
  id           TEXT PRIMARY KEY,
  gateway      TEXT NOT NULL,
  alert        TEXT NOT NULL,
  site         TEXT NOT NULL,
  device       TEXT NOT NULL,
  rule         TEXT NOT NULL,
  severity     TEXT NOT NULL,
  title_zh     TEXT NOT NULL,
  title_en     TEXT NOT NULL,
  message_zh   TEXT NOT NULL,
  message_en   TEXT NOT NULL,
  detail       TEXT NOT NULL,         -- JSON: evidence, card, limit
  shadow       SMALLINT NOT NULL,
  active       SMALLINT NOT NULL,
  handling     TEXT NOT NULL,
  since        BIGINT NOT NULL,       -- gateway's time of the condition
  opened_at    BIGINT NOT NULL,       -- cloud's time
  deadline     BIGINT NOT NULL,       -- 0: none
  recovered_at BIGINT NOT NULL DEFAULT 0,
  taken_by     TEXT NOT NULL DEFAULT '',
  taken_at     BIGINT NOT NULL DEFAULT 0,
  closed_by    TEXT NOT NULL DEFAULT '',
  closed_at    BIGINT NOT NULL DEFAULT 0,
  outcome      TEXT NOT NULL DEFAULT '',
  previous     TEXT NOT NULL DEFAULT '',
  UNIQUE (gateway, alert)
);
CREATE INDEX incidents_handling ON incidents (handling, since);
CREATE INDEX incidents_subject ON incidents (gateway, device, rule, opened_at);
CREATE TABLE timeline (
  id       INTEGER PRIMARY KEY,       -- sqlite: counts by itself
  incident TEXT NOT NULL,             -- or "gateway alert" while the incident is not known yet
  at       BIGINT NOT NULL,
  kind     TEXT NOT NULL,
  zh       TEXT NOT NULL,
  en       TEXT NOT NULL,
  who      TEXT NOT NULL
);
CREATE INDEX timeline_incident ON timeline (incident, at);

-- notify -----------------------------------------------------------------------------------------------------------
CREATE TABLE notices (
  id       INTEGER PRIMARY KEY,       -- sqlite: counts by itself
  receiver TEXT NOT NULL,
  incident TEXT NOT NULL,
  kind     TEXT NOT NULL,
  severity TEXT NOT NULL,
  n        BIGINT NOT NULL,           -- distinguishes two changes of one kind of one incident
  created  BIGINT NOT NULL,
  state    TEXT NOT NULL,             -- waiting, sent, refused, expired
  attempts INTEGER NOT NULL,
  next_at  BIGINT NOT NULL,
  answer   TEXT NOT NULL,
  UNIQUE (receiver, incident, kind, n)
);
CREATE INDEX notices_due ON notices (state, receiver, next_at);
CREATE TABLE attempts (
  notice BIGINT NOT NULL,
  at     BIGINT NOT NULL,
  ok     SMALLINT NOT NULL,
  answer TEXT NOT NULL
);
CREATE INDEX attempts_notice ON attempts (notice);

-- auth -------------------------------------------------------------------------------------------------------------
CREATE TABLE users (
  name     TEXT PRIMARY KEY,
  role     TEXT NOT NULL,
  password TEXT NOT NULL,             -- argon2id, with its parameters
  created  BIGINT NOT NULL
);
CREATE TABLE sessions (
  id      TEXT PRIMARY KEY,           -- SHA-256 of the cookie
  name    TEXT NOT NULL,
  created BIGINT NOT NULL,
  used    BIGINT NOT NULL
);
CREATE TABLE secrets (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
);
