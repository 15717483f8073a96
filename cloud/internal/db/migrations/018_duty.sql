-- timer: what is to happen at a time. A row is deleted in the transaction of its effect.
CREATE TABLE timers (
  kind    TEXT NOT NULL,
  subject TEXT NOT NULL,
  due_at  BIGINT NOT NULL,
  try_at  BIGINT NOT NULL,            -- later than due_at after a failure
  tries   BIGINT NOT NULL,
  PRIMARY KEY (kind, subject)
);
CREATE INDEX timers_due ON timers (try_at);

-- org/mode: times in which a node, with all below it, is in emergency mode (急). In force: from_ms <= now < until_ms.
CREATE TABLE modes (
  id       INTEGER PRIMARY KEY,       -- sqlite: counts by itself
  node     TEXT NOT NULL,
  from_ms  BIGINT NOT NULL,
  until_ms BIGINT NOT NULL,           -- of one that a person ended: when that was
  who      TEXT NOT NULL,
  reason   TEXT NOT NULL
);
CREATE INDEX modes_node ON modes (node, until_ms);
CREATE TABLE mode_changes (
  id       INTEGER PRIMARY KEY,       -- sqlite: counts by itself
  node     TEXT NOT NULL,
  kind     TEXT NOT NULL,             -- planned, begun, moved, ended, expired
  at       BIGINT NOT NULL,
  from_ms  BIGINT NOT NULL,
  until_ms BIGINT NOT NULL,
  who      TEXT NOT NULL,             -- '': by itself
  reason   TEXT NOT NULL
);
CREATE INDEX mode_changes_node ON mode_changes (node, id);

-- org/tree: the rosters. org/duty: who stands in for whom (交接班).
CREATE TABLE shifts (
  node  TEXT NOT NULL,
  role  TEXT NOT NULL,
  name  TEXT NOT NULL,
  mode  TEXT NOT NULL,                -- '': in both; ordinary, emergency
  days  TEXT NOT NULL,
  hours TEXT NOT NULL,
  phone TEXT NOT NULL,
  zone  TEXT NOT NULL,                -- '': that of the street
  PRIMARY KEY (node, role, name, mode, days, hours)
);
CREATE TABLE handovers (
  id          INTEGER PRIMARY KEY,    -- sqlite: counts by itself
  node        TEXT NOT NULL,
  role        TEXT NOT NULL,
  leaver      TEXT NOT NULL,          -- '': nobody leaves, the taker comes besides
  taker       TEXT NOT NULL,
  taker_phone TEXT NOT NULL,
  from_ms     BIGINT NOT NULL,
  until_ms    BIGINT NOT NULL,
  note        TEXT NOT NULL,
  at          BIGINT NOT NULL,
  who         TEXT NOT NULL
);
CREATE INDEX handovers_node ON handovers (node, until_ms);

-- org/order: what was ordered down (一键下达), and who has read and done it.
CREATE TABLE orders (
  id       INTEGER PRIMARY KEY,       -- sqlite: counts by itself
  node     TEXT NOT NULL,
  text     TEXT NOT NULL,
  needs    TEXT NOT NULL,             -- read, done
  at       BIGINT NOT NULL,
  due_ms   BIGINT NOT NULL,           -- 0: none
  who      TEXT NOT NULL,
  late     BIGINT NOT NULL            -- receipts that were missing when it was due; -1: it is not due yet
);
CREATE INDEX orders_node ON orders (node, id);
CREATE TABLE receipts (
  order_id BIGINT NOT NULL,
  node     TEXT NOT NULL,
  account  TEXT NOT NULL,             -- '': who answers for the node, else an account that is granted there
  name     TEXT NOT NULL,
  phone    TEXT NOT NULL,
  late     SMALLINT NOT NULL,         -- it was missing when the order was due
  read_ms  BIGINT NOT NULL,           -- 0: not yet
  done_ms  BIGINT NOT NULL,
  who      TEXT NOT NULL,             -- who gave it
  note     TEXT NOT NULL,
  PRIMARY KEY (order_id, node, account)
);
CREATE INDEX receipts_account ON receipts (account, order_id);
CREATE INDEX receipts_node ON receipts (node, order_id);
