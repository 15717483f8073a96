-- incident: the lists of the desk, which choose by class, by handling, by whistle and by what was put off.
CREATE INDEX incidents_severity ON incidents (severity, opened_at, id);
CREATE INDEX incidents_stand ON incidents (handling, opened_at, id);
CREATE INDEX incidents_put_off ON incidents (opened_at, id) WHERE suspended_at > 0;
CREATE INDEX incidents_reported ON incidents (rule, opened_at, id);
-- org/order: what an order asks of whom.
CREATE INDEX receipts_missing ON receipts (order_id, node) WHERE read_ms = 0 OR done_ms = 0;
