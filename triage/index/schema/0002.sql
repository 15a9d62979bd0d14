-- Where reports are kept, in an index that several stores share. 0 is the store
-- that the index is in.
CREATE TABLE homes (
  id BIGINT NOT NULL PRIMARY KEY,
  host TEXT NOT NULL,
  dir TEXT NOT NULL,
  UNIQUE (host, dir)
);
ALTER TABLE sources ADD COLUMN home BIGINT NOT NULL DEFAULT 0;
ALTER TABLE occurrences ADD COLUMN home BIGINT NOT NULL DEFAULT 0;
