-- Whose log-ins wait for the identity provider: one address has a part of the room, never all of it.
ALTER TABLE oidc_logins ADD COLUMN address TEXT NOT NULL DEFAULT ''; -- of the browser; of IPv6 its network of 64 bits
