-- looks: who looks at a camera live, and who wanted to, of the last two hours: limits hold across processes and restarts. What is
-- kept for good is in the audit.
CREATE TABLE looks (
  id        TEXT PRIMARY KEY,
  gateway   TEXT NOT NULL,
  device    TEXT NOT NULL,
  site      TEXT NOT NULL,
  who       TEXT NOT NULL,
  reason    TEXT NOT NULL,
  state     TEXT NOT NULL,            -- open, shown, over, refused
  why       TEXT NOT NULL,            -- it is over or was refused
  opened    BIGINT NOT NULL,
  until     BIGINT NOT NULL,          -- when it counts no more, whatever has become of the process that shows it
  session   BIGINT NOT NULL,          -- the gateway's, when it was shown
  boot      INTEGER NOT NULL,
  until_ms  BIGINT NOT NULL           -- its end on the gateway's clock; 0: the process that has the gateway is to say it
);
CREATE INDEX looks_gateway ON looks (gateway, opened);
CREATE INDEX looks_who ON looks (who, opened);
