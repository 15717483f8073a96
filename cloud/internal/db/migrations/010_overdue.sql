-- incident: how far the handling is behind, and when that is looked at next.
ALTER TABLE incidents ADD COLUMN overdue INTEGER NOT NULL DEFAULT 0;  -- rung of the whistles, 1 to 3; 0: in time
ALTER TABLE incidents ADD COLUMN graded BIGINT NOT NULL DEFAULT 0;    -- since when people know it as severe as it is
ALTER TABLE incidents ADD COLUMN judge_at BIGINT NOT NULL DEFAULT 0;  -- the largest number: not before it changes
UPDATE incidents SET graded = opened_at;
UPDATE incidents SET judge_at = 9223372036854775807 WHERE handling = 'closed';
CREATE INDEX incidents_judge ON incidents (judge_at);
