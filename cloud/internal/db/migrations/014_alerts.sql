-- incident: an incident holds the alerts of one cause. Its own gateway, alert, device and rule are those of the first-out alert;
-- without an alert, alert is the incident's own id.
CREATE TABLE incident_alerts (
  gateway      TEXT NOT NULL,
  alert        TEXT NOT NULL,
  incident     TEXT NOT NULL,
  site         TEXT NOT NULL,
  device       TEXT NOT NULL,
  rule         TEXT NOT NULL,
  zone         TEXT NOT NULL,
  channel      TEXT NOT NULL,         -- the line of the device, when it is silence that is told of
  danger       TEXT NOT NULL,         -- what it is about: alerts of different dangers are never in one incident
  joined       TEXT NOT NULL,         -- by which cause it came into the incident; '': it opened it
  severity     TEXT NOT NULL,         -- the worst that it has been
  severity_now TEXT NOT NULL,         -- as last told
  active       SMALLINT NOT NULL,
  shelved      SMALLINT NOT NULL,
  told         SMALLINT NOT NULL,     -- it was not shelved all the time
  counts       SMALLINT NOT NULL,     -- towards a flood: neither on trial nor shelved as it came
  since        BIGINT NOT NULL,       -- gateway's time of the condition
  at           BIGINT NOT NULL,       -- gateway's time of the first event
  came         BIGINT NOT NULL,       -- cloud's time of the first event
  recovered_at BIGINT NOT NULL,
  burst        INTEGER NOT NULL,      -- alerts of this rule and device within a minute, with this one: 3 are chatter
  title_zh     TEXT NOT NULL,
  title_en     TEXT NOT NULL,
  message_zh   TEXT NOT NULL,
  message_en   TEXT NOT NULL,
  detail       TEXT NOT NULL,         -- JSON: evidence, card, limit
  PRIMARY KEY (gateway, alert)
);
CREATE INDEX incident_alerts_incident ON incident_alerts (incident, at);
CREATE INDEX incident_alerts_site ON incident_alerts (site, at, counts);
CREATE INDEX incident_alerts_subject ON incident_alerts (gateway, device, rule, at);
INSERT INTO incident_alerts (gateway, alert, incident, site, device, rule, zone, channel, danger, joined, severity, severity_now, active, shelved, told, counts,
  since, at, came, recovered_at, burst, title_zh, title_en, message_zh, message_en, detail)
  SELECT gateway, alert, id, site, device, rule, '', '', '', '', severity, severity, active, 0, 1, 0, since, since, opened_at, recovered_at, 1,
  title_zh, title_en, message_zh, message_en, detail FROM incidents;
-- Which open incident an alert joins: the newest of each cause. There is a row for each device, zone and line, not for each alert.
CREATE TABLE incident_keys (
  key      TEXT PRIMARY KEY,          -- cause and what it is of
  incident TEXT NOT NULL,
  at       BIGINT NOT NULL            -- gateway's time of the newest alert
);
CREATE INDEX incident_keys_incident ON incident_keys (incident);
-- What people took out of an incident: the machine does not put it back.
CREATE TABLE incident_apart (
  incident TEXT NOT NULL,
  gateway  TEXT NOT NULL,
  device   TEXT NOT NULL,
  danger   TEXT NOT NULL,
  PRIMARY KEY (incident, gateway, device, danger)
);
ALTER TABLE incidents ADD COLUMN alerts INTEGER NOT NULL DEFAULT 1;
ALTER TABLE incidents ADD COLUMN cause TEXT NOT NULL DEFAULT '';       -- bus, gateway, zone, flood, device, hand; '': one alert
ALTER TABLE incidents ADD COLUMN cause_key TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN cause_zh TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN cause_en TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN merged_into TEXT NOT NULL DEFAULT ''; -- people put its alerts there
ALTER TABLE incidents ADD COLUMN unsaid_since BIGINT NOT NULL DEFAULT 0; -- an alert has joined that people were not told of; 0: none
ALTER TABLE incidents ADD COLUMN say_at BIGINT NOT NULL DEFAULT 0;     -- when they are told; 0: never
CREATE INDEX incidents_say ON incidents (say_at) WHERE say_at > 0;
CREATE INDEX incidents_open ON incidents (site, handling, shadow, severity);
-- org: the line that a device hangs on.
ALTER TABLE devices ADD COLUMN channel TEXT NOT NULL DEFAULT '';
UPDATE devices SET channel = coalesce((SELECT max(m.channel) FROM memberships m WHERE m.gateway = devices.gateway AND m.device = devices.id AND m.to_ms IS NULL), '');
