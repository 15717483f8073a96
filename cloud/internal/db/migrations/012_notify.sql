-- notify: who a message is for, which messages went out as one, and what each receiver was sent in the last minute or day.
ALTER TABLE notices ADD COLUMN people TEXT NOT NULL DEFAULT '';    -- JSON: who is addressed, with name, phone and role; '': whoever reads the receiver
ALTER TABLE notices ADD COLUMN step   BIGINT NOT NULL DEFAULT 0;   -- rung of the escalation; of a reminder: its number
ALTER TABLE notices ADD COLUMN bundle TEXT NOT NULL DEFAULT '';    -- idempotency key of the message in which it goes out, from before the first attempt
CREATE INDEX attempts_at ON attempts (at);
-- Links of an incident that were made until then are no longer taken.
CREATE TABLE revoked_links (
  incident TEXT PRIMARY KEY,
  until    BIGINT NOT NULL
);
