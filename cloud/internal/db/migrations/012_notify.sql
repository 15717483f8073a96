-- notify: what a robot was sent in the last minute or day, and the last attempt of each.
CREATE INDEX attempts_at ON attempts (at);
