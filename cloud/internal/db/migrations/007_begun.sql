-- How often applying a record was begun and never ended, because the program did. The first message of a stream after a start
-- of the program notes it before; with n = 0 the row goes with the end.
ALTER TABLE tries ADD COLUMN begun BIGINT NOT NULL DEFAULT 0;
