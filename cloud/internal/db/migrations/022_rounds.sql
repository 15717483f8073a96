-- notify: messages to people that are about no incident: orders, duty checks, missed rounds, hand-overs. They go out as notices.
CREATE TABLE memos (
  id       INTEGER PRIMARY KEY,       -- sqlite: counts by itself
  kind     TEXT NOT NULL,             -- order, order_late, duty_check, duty_missed, patrol, patrol_missed, handover
  about    TEXT NOT NULL,             -- and which: a memo of a kind about something is there once
  node     TEXT NOT NULL,
  class    TEXT NOT NULL,             -- A: the place is in emergency mode, and no quiet time holds it; else B
  zh       TEXT NOT NULL,
  en       TEXT NOT NULL,
  page     TEXT NOT NULL,             -- path of the page that it links to; '': none
  subject  TEXT NOT NULL,             -- what its signed link opens; '': it links to the page alone
  at       BIGINT NOT NULL,
  until_ms BIGINT NOT NULL,           -- reminders end then; 0: there are none
  every_ms BIGINT NOT NULL,           -- between two reminders
  ended_ms BIGINT NOT NULL,           -- nobody needs to be reminded any more; 0: somebody does
  UNIQUE (kind, about)
);
CREATE TABLE memo_people (
  memo    BIGINT NOT NULL,
  name    TEXT NOT NULL,
  phone   TEXT NOT NULL,
  done_ms BIGINT NOT NULL,            -- when they did what it asks for; 0: not yet
  PRIMARY KEY (memo, name, phone)
);
ALTER TABLE notices ADD COLUMN memo BIGINT NOT NULL DEFAULT 0;
CREATE INDEX notices_memo ON notices (memo);

-- org/dutycheck: questions whether who is on duty is there (查岗), and answers.
CREATE TABLE duty_checks (
  id       INTEGER PRIMARY KEY,       -- sqlite: counts by itself
  node     TEXT NOT NULL,
  role     TEXT NOT NULL,             -- '': whoever is on duty
  source   TEXT NOT NULL,             -- hand, plan, centre
  centre   TEXT NOT NULL,             -- which platform asked; '': none
  who      TEXT NOT NULL,             -- who asked by hand
  at       BIGINT NOT NULL,
  until_ms BIGINT NOT NULL,
  state    TEXT NOT NULL              -- open, answered, missed, untold
);
CREATE INDEX duty_checks_node ON duty_checks (node, at);
CREATE INDEX duty_checks_at ON duty_checks (at);
CREATE TABLE duty_answers (
  check_id BIGINT NOT NULL,
  name     TEXT NOT NULL,             -- who was asked
  phone    TEXT NOT NULL,
  role     TEXT NOT NULL,
  at       BIGINT NOT NULL,           -- 0: no answer
  who      TEXT NOT NULL,             -- who answered
  how      TEXT NOT NULL,             -- link, page
  PRIMARY KEY (check_id, name, phone)
);
CREATE TABLE duty_plans (
  node    TEXT NOT NULL,
  role    TEXT NOT NULL,
  days    TEXT NOT NULL,
  hours   TEXT NOT NULL,
  times   BIGINT NOT NULL,            -- at least so many a day, and sometimes more
  minutes BIGINT NOT NULL,            -- to answer
  who     TEXT NOT NULL,
  at      BIGINT NOT NULL,
  PRIMARY KEY (node, role)
);

-- org/tree: what is walked where, and when (巡查). org/patrol: the rounds of it.
CREATE TABLE patrol_plans (
  node    TEXT NOT NULL,
  name    TEXT NOT NULL,
  role    TEXT NOT NULL,              -- of the shift that walks it
  days    TEXT NOT NULL,
  hours   TEXT NOT NULL,              -- 08:00,14:00 or 08:00-20:00/2h
  minutes BIGINT NOT NULL,            -- to walk it
  PRIMARY KEY (node, name)
);
CREATE TABLE patrol_points (
  node     TEXT NOT NULL,
  plan     TEXT NOT NULL,
  name     TEXT NOT NULL,
  position TEXT NOT NULL,
  code     TEXT NOT NULL,             -- text of its QR or NFC code; '': it has none
  checks   TEXT NOT NULL,             -- what to look at, with ; between
  place    BIGINT NOT NULL,           -- 1, 2, 3: the order in which they are walked
  PRIMARY KEY (node, plan, name)
);
CREATE TABLE patrol_rounds (
  id       INTEGER PRIMARY KEY,       -- sqlite: counts by itself
  node     TEXT NOT NULL,
  plan     TEXT NOT NULL,
  role     TEXT NOT NULL,
  due_ms   BIGINT NOT NULL,
  until_ms BIGINT NOT NULL,
  state    TEXT NOT NULL,             -- open, done, late, missed, void (the cloud was down)
  done_ms  BIGINT NOT NULL,           -- when its last point was seen; 0: not yet
  points   BIGINT NOT NULL,
  UNIQUE (node, plan, due_ms)
);
CREATE INDEX patrol_rounds_due ON patrol_rounds (due_ms);
CREATE TABLE patrol_stops (
  round    BIGINT NOT NULL,
  n        BIGINT NOT NULL,
  name     TEXT NOT NULL,
  position TEXT NOT NULL,
  code     TEXT NOT NULL,
  checks   TEXT NOT NULL,
  at       BIGINT NOT NULL,           -- when it was seen; 0: not yet
  taken_at BIGINT NOT NULL,           -- when the cloud heard of it
  who      TEXT NOT NULL,
  how      TEXT NOT NULL,             -- code, tap
  note     TEXT NOT NULL,
  lat      TEXT NOT NULL,             -- degrees, as the phone said; '': it did not
  lng      TEXT NOT NULL,
  incident TEXT NOT NULL,             -- that a finding became; '': all is well
  PRIMARY KEY (round, n)
);
