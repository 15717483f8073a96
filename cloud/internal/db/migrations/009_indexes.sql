-- Refused readings of a point, for the ledger; and the gap that ends at a cursor, for every message.
CREATE INDEX parked_point ON parked (gateway, device, point, time_ms);
CREATE INDEX gaps_end ON gaps (gateway, stream, epoch, last);
