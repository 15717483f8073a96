-- org: the points of devices that may be written.
CREATE TABLE outputs (
  gateway TEXT NOT NULL,
  device  TEXT NOT NULL,
  point   TEXT NOT NULL,
  safe    DOUBLE PRECISION,           -- toward which it may always be moved; NULL: nobody knows
  allowed TEXT NOT NULL,              -- JSON [0,1]: the values that may be written
  PRIMARY KEY (gateway, device, point)
);

-- command: what people ask a gateway to do. Nothing here is ever sent twice in two sessions.
CREATE TABLE commands (
  id       TEXT PRIMARY KEY,
  gateway  TEXT NOT NULL,
  site     TEXT NOT NULL,
  device   TEXT NOT NULL,
  point    TEXT NOT NULL,
  value    DOUBLE PRECISION NOT NULL,
  hold_ms  BIGINT NOT NULL,
  reason   TEXT NOT NULL,
  incident TEXT NOT NULL,             -- '': none
  away     SMALLINT NOT NULL,         -- from safe: a second person must approve
  state    TEXT NOT NULL,
  live     SMALLINT NOT NULL,         -- it can still change by itself
  issuer   TEXT NOT NULL,
  approver TEXT NOT NULL,
  made     BIGINT NOT NULL,
  due      BIGINT NOT NULL,           -- when the state is over by itself
  session  BIGINT NOT NULL,           -- of the gateway for which it is; 0: it waits for a person
  payload  BLOB,                      -- as it was sent, for sending it again
  ended    BIGINT NOT NULL,           -- 0: not yet
  why_zh   TEXT NOT NULL,
  why_en   TEXT NOT NULL
);
CREATE INDEX commands_live ON commands (live, gateway);
CREATE INDEX commands_made ON commands (made);
CREATE TABLE command_steps (
  command TEXT NOT NULL,
  state   TEXT NOT NULL,
  n       INTEGER NOT NULL,           -- order in which they were noted
  at      BIGINT NOT NULL,
  zh      TEXT NOT NULL,
  en      TEXT NOT NULL,
  who     TEXT NOT NULL,
  PRIMARY KEY (command, state)        -- each once, however often it is told
);
-- The mode that a gateway is to be in, as its site's node has it.
CREATE TABLE desired (
  gateway     TEXT PRIMARY KEY,
  revision    BIGINT NOT NULL,        -- grows with every change
  emergency   SMALLINT NOT NULL,
  until_ms    BIGINT NOT NULL,        -- 0: not an emergency
  reason      TEXT NOT NULL,
  who         TEXT NOT NULL,
  made        BIGINT NOT NULL,
  answered    BIGINT NOT NULL,        -- the revision that the gateway answered last; 0: none
  ok          SMALLINT NOT NULL,
  in_force    SMALLINT NOT NULL,      -- emergency mode, as it answered
  why_zh      TEXT NOT NULL,
  why_en      TEXT NOT NULL,
  answered_at BIGINT NOT NULL
);
