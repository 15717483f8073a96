-- org: the tree of the people who answer for sites: street, community, grid, compound, building …, of any depth and with free kinds.
CREATE TABLE nodes (
  id            TEXT PRIMARY KEY,
  parent        TEXT NOT NULL,        -- '': a root
  kind          TEXT NOT NULL,
  name          TEXT NOT NULL,
  dedicated     SMALLINT NOT NULL,    -- 专属网格: stands beside the territorial grids
  owner         TEXT NOT NULL,        -- A and B of the AB 角
  owner_phone   TEXT NOT NULL,
  deputy        TEXT NOT NULL,
  deputy_phone  TEXT NOT NULL,
  handover_from TEXT NOT NULL,        -- days 2006-01-02, both included; '': no hand-over, or one without an end
  handover_to   TEXT NOT NULL
);
CREATE INDEX nodes_parent ON nodes (parent);
CREATE TABLE node_sites (
  site TEXT PRIMARY KEY,              -- as its gateways call it; it may be here before they report
  node TEXT NOT NULL
);
CREATE INDEX node_sites_node ON node_sites (node);
-- Contacts, emergency teams and resources of a node.
CREATE TABLE node_entries (
  node     TEXT NOT NULL,
  record   TEXT NOT NULL,             -- contact, team, resource
  kind     TEXT NOT NULL,             -- role of a contact, kind of a team or resource
  name     TEXT NOT NULL,
  phone    TEXT NOT NULL,
  position TEXT NOT NULL,
  stock    BIGINT NOT NULL,
  PRIMARY KEY (node, record, kind, name)
);
