-- enroll: how gateways come to their certificates.
-- One-time tokens; the token itself is nowhere.
CREATE TABLE enrolment_tokens (
  hash       TEXT PRIMARY KEY,     -- SHA-256 of its secret
  gateway    TEXT NOT NULL,
  site       TEXT NOT NULL,        -- '': not said
  made_at    BIGINT NOT NULL,      -- Unix ms, as all times here
  made_by    TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at   BIGINT NOT NULL,      -- used, or withdrawn; 0: neither
  cert       TEXT NOT NULL         -- fingerprint of what it was used for; '': nothing
);
CREATE INDEX enrolment_tokens_gateway ON enrolment_tokens (gateway);
-- Every certificate that the CA has issued. A gateway's counts while it is in here, not ended and not expired.
CREATE TABLE certificates (
  fingerprint TEXT PRIMARY KEY,    -- SHA-256 of der
  serial      TEXT NOT NULL UNIQUE,
  gateway     TEXT NOT NULL,
  site        TEXT NOT NULL,       -- '': not said
  public_key  TEXT NOT NULL UNIQUE,-- SHA-256: no key is certified twice
  der         BLOB NOT NULL,
  not_after   BIGINT NOT NULL,
  issued_at   BIGINT NOT NULL,
  used_at     BIGINT NOT NULL,     -- first connection with it; 0: none yet
  renew_ok    BIGINT NOT NULL,     -- a person let it be renewed after its end; 0: nobody
  ended_at    BIGINT NOT NULL,     -- 0: it has not ended
  ended_why   TEXT NOT NULL,       -- revoked, replaced, decommissioned; ''
  told        BIGINT NOT NULL      -- how often its coming end was told
);
CREATE INDEX certificates_gateway ON certificates (gateway);
CREATE INDEX certificates_ended ON certificates (ended_at);
