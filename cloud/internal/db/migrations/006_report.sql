-- Longest silence of a point that is only sent when it changes; 0: every reading is sent.
ALTER TABLE points ADD COLUMN report_ms BIGINT NOT NULL DEFAULT 0;
