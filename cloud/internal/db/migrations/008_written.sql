-- inbox: up to which id a gateway's records are in the series store. They are deleted when that has them on its disk.
CREATE TABLE written (
  gateway TEXT PRIMARY KEY,
  id      BIGINT NOT NULL
);
