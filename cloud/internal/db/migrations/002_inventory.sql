-- The configuration that a gateway's devices and points are of: parts of one inventory name the same.
ALTER TABLE gateways ADD COLUMN config TEXT NOT NULL DEFAULT '';
