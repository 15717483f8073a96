-- push: what a gateway's configuration is to be beside its own files, revision by revision, and what it said to each.
CREATE TABLE gateway_configs (
  gateway     TEXT NOT NULL,
  revision    BIGINT NOT NULL,        -- grows; the newest is what is wanted
  parts       BLOB NOT NULL,          -- wire.Parts, compressed by zstd
  who         TEXT NOT NULL,
  reason      TEXT NOT NULL,
  made        BIGINT NOT NULL,
  watch_s     BIGINT NOT NULL,        -- for how long the gateway watches it
  state       TEXT NOT NULL,          -- '': not answered yet; waits, refused, trial, applied, reverted
  why_zh      TEXT NOT NULL,
  why_en      TEXT NOT NULL,
  mistakes    TEXT NOT NULL,          -- JSON [{file, line, col, text}]
  in_force    BIGINT NOT NULL,        -- the revision that was, as the gateway said; 0: its own files alone
  answered_at BIGINT NOT NULL,
  PRIMARY KEY (gateway, revision)
);
