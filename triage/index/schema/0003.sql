-- How groups came to stand where they do: what people said, and what crashes did.
CREATE TABLE changes (
  id BIGINT NOT NULL PRIMARY KEY,
  group_id BIGINT NOT NULL,
  at BIGINT NOT NULL,
  status TEXT NOT NULL,
  fixed_in TEXT NOT NULL,
  reason TEXT NOT NULL
);
CREATE INDEX changes_group ON changes (group_id, id);
