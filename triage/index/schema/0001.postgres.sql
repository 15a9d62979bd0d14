-- Texts that are put in order, or compared by their beginnings, are in the order
-- of their bytes, as in SQLite, whatever language the database is set to.
ALTER TABLE sources ALTER COLUMN path TYPE TEXT COLLATE "C";
ALTER TABLE groups ALTER COLUMN type TYPE TEXT COLLATE "C", ALTER COLUMN site TYPE TEXT COLLATE "C";
ALTER TABLE occurrences ALTER COLUMN key TYPE TEXT COLLATE "C";
ALTER TABLE counts ALTER COLUMN value TYPE TEXT COLLATE "C";

-- The full text of groups and of occurrences, by the names that FTS5 gives.
CREATE TABLE groups_text (rowid BIGINT NOT NULL PRIMARY KEY, text TSVECTOR NOT NULL);
CREATE INDEX groups_words ON groups_text USING GIN (text);
CREATE TABLE occurrences_text (rowid BIGINT NOT NULL PRIMARY KEY, text TSVECTOR NOT NULL);
CREATE INDEX occurrences_words ON occurrences_text USING GIN (text);

CREATE TABLE schema_version (version BIGINT NOT NULL);
INSERT INTO schema_version (version) VALUES (0);
