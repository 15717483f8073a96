-- incident: sensors' own faults are maintenance, also those of before there were categories. An alert of before there were
-- dangers tells what it is about by its rule alone.
UPDATE incidents SET category = 'maintenance' WHERE source = 'sensor' AND category = 'danger' AND EXISTS (
  SELECT 1 FROM incident_alerts a WHERE a.incident = incidents.id AND (a.danger IN ('silence', 'defect', 'due', 'missed', 'clock') OR a.danger = ''
  AND a.rule IN ('R13', 'R19', 'R19b', 'R20', 'R20b', 'R21', 'R27', 'R28', 'R28b', 'R28c', 'R31', 'gateway_silent')));
INSERT INTO report_dirty (incident) SELECT id FROM incidents WHERE category = 'maintenance' AND source = 'sensor' ON CONFLICT (incident) DO NOTHING;
