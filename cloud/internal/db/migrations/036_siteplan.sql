-- org/siteplan: the picture behind a site's plan. The plan itself is in drawings, kind plan.
CREATE TABLE plan_pictures (
  site    TEXT PRIMARY KEY,
  type    TEXT NOT NULL,              -- image/jpeg, image/png
  width   INTEGER NOT NULL,           -- pixels
  height  INTEGER NOT NULL,
  sha256  TEXT NOT NULL,              -- of content
  content BLOB NOT NULL
);
