-- The full text of groups and of occurrences. It is not stored here a second
-- time, and rows can be deleted all the same (SQLite 3.43 and newer).
CREATE VIRTUAL TABLE groups_text USING fts5 (text, content='', contentless_delete=1);
CREATE VIRTUAL TABLE occurrences_text USING fts5 (text, content='', contentless_delete=1);
