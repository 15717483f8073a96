-- audit: what people did, each entry chained to the one before by its hash. Nothing but the retention deletes from it.
CREATE TABLE audit (
  seq     BIGINT PRIMARY KEY,         -- 1, 2, 3 … without a hole
  at      BIGINT NOT NULL,
  who     TEXT NOT NULL,              -- '': the cloud itself
  role    TEXT NOT NULL,
  address TEXT NOT NULL,
  act     TEXT NOT NULL,
  kind    TEXT NOT NULL,              -- what it was done to: incident, user, node, gateway, …
  about   TEXT NOT NULL,              -- and which
  node    TEXT NOT NULL,
  site    TEXT NOT NULL,
  zh      TEXT NOT NULL,
  en      TEXT NOT NULL,
  detail  TEXT NOT NULL,              -- JSON {"key":"value"}
  hash    TEXT NOT NULL               -- SHA-256 of the hash before and of this entry, hex
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_about ON audit (kind, about);
-- head: the newest entry, whose row every writer locks. base: the newest one that the retention has deleted.
CREATE TABLE audit_marks (
  name TEXT PRIMARY KEY,
  seq  BIGINT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO audit_marks (name, seq, hash) VALUES ('head', 0, ''), ('base', 0, '');
-- Work that is done once a day by whichever process comes first.
CREATE TABLE chores (
  name TEXT PRIMARY KEY,
  day  TEXT NOT NULL                  -- 2006-01-02, the last one on which it was claimed
);
-- auth: a role in a part of the street; what users.role said holds everywhere.
CREATE TABLE grants (
  name TEXT NOT NULL,                 -- of the user
  role TEXT NOT NULL,
  node TEXT NOT NULL,                 -- with all below it; '': the whole street
  PRIMARY KEY (name, role, node)
);
CREATE INDEX grants_node ON grants (node);
INSERT INTO grants (name, role, node) SELECT name, role, '' FROM users;
ALTER TABLE users DROP COLUMN role;
ALTER TABLE users ADD COLUMN must_change SMALLINT NOT NULL DEFAULT 0; -- somebody else made the password
ALTER TABLE users ADD COLUMN seen BIGINT NOT NULL DEFAULT 0;          -- last log-in
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_name ON sessions (name);
-- Wrong passwords of a name ("n …") and of an address ("a …"), and until when the next one waits.
CREATE TABLE failures (
  subject  TEXT PRIMARY KEY,
  n        BIGINT NOT NULL,
  last_ms  BIGINT NOT NULL,
  until_ms BIGINT NOT NULL
);
-- Who an identity provider says a user is.
CREATE TABLE identities (
  issuer  TEXT NOT NULL,
  subject TEXT NOT NULL,
  name    TEXT NOT NULL,              -- of the user
  PRIMARY KEY (issuer, subject)
);
-- Log-ins that have gone to the identity provider; each comes back once.
CREATE TABLE oidc_logins (
  state    TEXT PRIMARY KEY,          -- SHA-256
  browser  TEXT NOT NULL,             -- SHA-256 of its cookie
  nonce    TEXT NOT NULL,
  verifier TEXT NOT NULL,
  created  BIGINT NOT NULL
);
