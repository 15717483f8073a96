-- rollout: programs that were published for gateways, and how far each is rolled out.
CREATE TABLE artifacts (
  version   TEXT NOT NULL,
  os        TEXT NOT NULL,
  arch      TEXT NOT NULL,
  sha256    TEXT NOT NULL,            -- of the file, which is called so
  size      BIGINT NOT NULL,          -- bytes
  published BIGINT NOT NULL,
  PRIMARY KEY (version, os, arch)
);
CREATE TABLE rollouts (
  id      BIGINT PRIMARY KEY,         -- grows; the newest counts
  version TEXT NOT NULL,
  ring    INTEGER NOT NULL,           -- 1: one gateway, 2: 5 %, 3: all
  step_ms BIGINT NOT NULL,            -- how long a ring was well before the next; 0: a person goes on
  watch_s BIGINT NOT NULL,            -- for how long a gateway must run it well; 0: as it likes
  stopped SMALLINT NOT NULL,
  why_zh  TEXT NOT NULL,              -- it was stopped
  why_en  TEXT NOT NULL,
  who     TEXT NOT NULL,
  reason  TEXT NOT NULL,
  began   BIGINT NOT NULL,
  moved   BIGINT NOT NULL,            -- to this ring
  resumed BIGINT NOT NULL             -- when a person let it go on: what was before does not stop it
);
CREATE TABLE rollout_gateways (
  rollout     BIGINT NOT NULL,
  gateway     TEXT NOT NULL,
  ring        INTEGER NOT NULL,
  state       TEXT NOT NULL,          -- '': not answered; waits, refused, trial, applied, reverted
  why_zh      TEXT NOT NULL,
  why_en      TEXT NOT NULL,
  version     TEXT NOT NULL,          -- that it said it runs
  answered_at BIGINT NOT NULL,
  PRIMARY KEY (rollout, gateway)
);
