-- org: which rules are in force at a gateway, and which version of a rule its newest alert was of.
CREATE TABLE gateway_rules (
  gateway   TEXT PRIMARY KEY,
  hash      TEXT NOT NULL,
  emergency SMALLINT NOT NULL,
  at        BIGINT NOT NULL
);
CREATE TABLE rule_versions (
  gateway TEXT NOT NULL,
  rule    TEXT NOT NULL,
  version TEXT NOT NULL,
  at      BIGINT NOT NULL,
  PRIMARY KEY (gateway, rule)
);
-- incident: what a rule has told, newest last.
CREATE INDEX incident_alerts_rule ON incident_alerts (rule, at);
