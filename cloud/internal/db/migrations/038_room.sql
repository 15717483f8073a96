-- health: for how long each gateway said that it can keep what the cloud does not get; and what its clock lacked at its newest hello.
ALTER TABLE gateways ADD COLUMN room_s BIGINT NOT NULL DEFAULT 0;  -- seconds
ALTER TABLE gateways ADD COLUMN room_at BIGINT NOT NULL DEFAULT 0; -- when it said so, Unix ms; 0: never
ALTER TABLE boots ADD COLUMN apart_ms BIGINT;                     -- the cloud's time minus the gateway's own; NULL: not said in a hello
