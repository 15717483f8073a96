-- incident: the eight steps of the handling, beside the coarse handling; who must do the next one, until when.
ALTER TABLE incidents ADD COLUMN step TEXT NOT NULL DEFAULT 'reported';
ALTER TABLE incidents ADD COLUMN step_at BIGINT NOT NULL DEFAULT 0;        -- since when, cloud's time
ALTER TABLE incidents ADD COLUMN step_due BIGINT NOT NULL DEFAULT 0;       -- until when the next one is due; 0: no limit
ALTER TABLE incidents ADD COLUMN step_late SMALLINT NOT NULL DEFAULT 0;    -- that limit has passed, and was told
ALTER TABLE incidents ADD COLUMN finished_by TEXT NOT NULL DEFAULT '';     -- who says that the handling is done
ALTER TABLE incidents ADD COLUMN finished_at BIGINT NOT NULL DEFAULT 0;    -- 0: it is not
ALTER TABLE incidents ADD COLUMN source TEXT NOT NULL DEFAULT 'sensor';    -- sensor, person, complaint
ALTER TABLE incidents ADD COLUMN category TEXT NOT NULL DEFAULT 'danger';  -- danger, maintenance
ALTER TABLE incidents ADD COLUMN node TEXT NOT NULL DEFAULT '';            -- of the organisation, when it is about no site
ALTER TABLE incidents ADD COLUMN whistle INTEGER NOT NULL DEFAULT 1;       -- 1 常规, 2 联合, 3 攻坚
ALTER TABLE incidents ADD COLUMN assignee TEXT NOT NULL DEFAULT '';        -- a person's name, a team "node/name", or a node
ALTER TABLE incidents ADD COLUMN assignee_kind TEXT NOT NULL DEFAULT '';   -- person, team, node
ALTER TABLE incidents ADD COLUMN assignee_name TEXT NOT NULL DEFAULT '';   -- as people call it
ALTER TABLE incidents ADD COLUMN urged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN reworked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN disputed SMALLINT NOT NULL DEFAULT 0;     -- the assignee says that it is not theirs
ALTER TABLE incidents ADD COLUMN suspended_at BIGINT NOT NULL DEFAULT 0;   -- 挂起; 0: it is not
ALTER TABLE incidents ADD COLUMN suspended_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN reporter TEXT NOT NULL DEFAULT '';        -- of one that people reported
ALTER TABLE incidents ADD COLUMN rating INTEGER NOT NULL DEFAULT 0;        -- 1 to 5
UPDATE incidents SET step = CASE handling WHEN 'handling' THEN 'in_progress' WHEN 'closed' THEN 'closed' ELSE 'reported' END,
  step_at = CASE handling WHEN 'handling' THEN taken_at WHEN 'closed' THEN closed_at ELSE opened_at END,
  assignee = CASE handling WHEN 'open' THEN '' ELSE taken_by END, assignee_kind = CASE handling WHEN 'open' THEN '' ELSE 'person' END,
  assignee_name = CASE handling WHEN 'open' THEN '' ELSE taken_by END;
CREATE INDEX incidents_opened ON incidents (opened_at, id);
CREATE INDEX incidents_site ON incidents (site, opened_at);
CREATE INDEX incidents_assignee ON incidents (assignee, handling);
-- Every deed of people (and of a limit) on an incident: who, when, with what evidence. Figures are counted from here.
CREATE TABLE incident_steps (
  incident  TEXT NOT NULL,
  n         BIGINT NOT NULL,          -- 1, 2, … within the incident
  deed      TEXT NOT NULL,            -- report, verify, accept, …, urge, whistle
  from_step TEXT NOT NULL,            -- '': before the first
  to_step   TEXT NOT NULL,            -- the same when the deed moves nothing
  at        BIGINT NOT NULL,
  who       TEXT NOT NULL,            -- '': a limit or the gateway
  note      TEXT NOT NULL,
  due       BIGINT NOT NULL,          -- the limit of the step that it ends; 0: none
  late      SMALLINT NOT NULL,        -- it came after the limit
  detail    TEXT NOT NULL,            -- JSON: readings, assignee, outcome, whistle, until, severity
  PRIMARY KEY (incident, n)
);
CREATE INDEX incident_steps_deed ON incident_steps (deed, at);
-- Photos as evidence. A photo is of its uploader alone until a report takes it. The bytes stand apart: lists do not read them.
CREATE TABLE photos (
  id       TEXT PRIMARY KEY,
  incident TEXT NOT NULL,             -- '': of none yet
  n        BIGINT NOT NULL,           -- the deed that it is evidence of; 0: of the incident
  at       BIGINT NOT NULL,
  who      TEXT NOT NULL,
  type     TEXT NOT NULL,             -- image/jpeg, image/png, image/webp
  bytes    BIGINT NOT NULL,
  width    INTEGER NOT NULL,
  height   INTEGER NOT NULL,
  sha256   TEXT NOT NULL              -- of the bytes as they are kept, in hexadecimal digits
);
CREATE UNIQUE INDEX photos_once ON photos (incident, who, sha256);
CREATE TABLE photo_bytes (
  id      TEXT PRIMARY KEY,
  content BLOB NOT NULL
);
-- Reports of people by the key that their phone made: sent again, it is the same one.
CREATE TABLE reports (
  who      TEXT NOT NULL,
  key      TEXT NOT NULL,
  incident TEXT NOT NULL,
  sum      TEXT NOT NULL,             -- of what was reported
  PRIMARY KEY (who, key)
);
-- What to do, for a rule or a kind of thing, at a place: instead of the rule's own card.
CREATE TABLE cards (
  place TEXT NOT NULL,                -- '': everywhere; "node:id", "site:id"
  topic TEXT NOT NULL,                -- a rule such as R16, or "kind:gas"
  lines TEXT NOT NULL,                -- JSON
  who   TEXT NOT NULL,
  at    BIGINT NOT NULL,
  PRIMARY KEY (place, topic)
);
