-- looks: what it is about. Beside a camera's pictures a gateway answers questions of people: 'frames', 'trial', 'doctor'.
ALTER TABLE looks ADD COLUMN about TEXT NOT NULL DEFAULT 'camera';
