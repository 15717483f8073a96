-- incident: a phone on a bad line sends a deed again with the key that it made for it. What is there is not done twice.
ALTER TABLE incident_steps ADD COLUMN key TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX incident_steps_key ON incident_steps (incident, who, key) WHERE key <> '';
