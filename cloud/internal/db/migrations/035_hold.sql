-- evidence: incidents whose evidence a person holds, as in a dispute: it stays after its time too, until somebody lets it go.
CREATE TABLE evidence_holds (
  incident TEXT PRIMARY KEY,
  reason   TEXT NOT NULL,
  who      TEXT NOT NULL,             -- the account that holds it
  at_ms    BIGINT NOT NULL
);
