-- wall: alerts by hour, and what was taken and closed today.
CREATE INDEX incidents_since ON incidents (since);
CREATE INDEX incidents_taken ON incidents (taken_at);
CREATE INDEX incidents_closed ON incidents (closed_at);
-- What maps are drawn from: outlines of nodes and positions of sites (GeoJSON, WGS 84), and plans of sites.
CREATE TABLE drawings (
  kind    TEXT NOT NULL,              -- outline, position, plan
  subject TEXT NOT NULL,              -- a node, or a site
  content TEXT NOT NULL,              -- JSON: rings of [longitude, latitude]; one of them; a plan
  PRIMARY KEY (kind, subject)
);
