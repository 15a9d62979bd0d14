-- In the SQL that SQLite and PostgreSQL share; 0001.sqlite.sql and
-- 0001.postgres.sql are their own.

CREATE TABLE sources (
  key TEXT NOT NULL PRIMARY KEY,
  path TEXT NOT NULL,
  size BIGINT NOT NULL,
  modified BIGINT NOT NULL,
  inode BIGINT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  build_id TEXT NOT NULL,
  go_id TEXT NOT NULL,
  executable TEXT NOT NULL,
  tried TEXT NOT NULL,
  run BIGINT NOT NULL
);
CREATE INDEX sources_path ON sources (path);
CREATE INDEX sources_state ON sources (state) WHERE state <> 'done';

CREATE TABLE groups (
  id BIGINT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  fingerprint TEXT NOT NULL UNIQUE,
  wide TEXT NOT NULL,
  kind TEXT NOT NULL,
  type TEXT NOT NULL,
  title TEXT NOT NULL,
  site TEXT NOT NULL,
  program TEXT NOT NULL,
  status TEXT NOT NULL,
  fixed_in TEXT NOT NULL,
  first_seen BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  count BIGINT NOT NULL,
  exemplar BIGINT NOT NULL,
  announced BIGINT NOT NULL
);
CREATE INDEX groups_last ON groups (last_seen, id);
CREATE INDEX groups_announced ON groups (announced) WHERE announced = 0;
CREATE INDEX groups_wide ON groups (wide);

CREATE TABLE occurrences (
  id BIGINT NOT NULL PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  group_id BIGINT NOT NULL REFERENCES groups (id),
  host TEXT NOT NULL,
  program TEXT NOT NULL,
  version TEXT NOT NULL,
  go_version TEXT NOT NULL,
  build_id TEXT NOT NULL,
  pid BIGINT NOT NULL,
  type TEXT NOT NULL,
  message TEXT NOT NULL,
  site TEXT NOT NULL,
  narrow TEXT NOT NULL,
  missing TEXT NOT NULL,
  report TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  run BIGINT NOT NULL
);
CREATE INDEX occurrences_group ON occurrences (group_id, id);

-- Of each group, and of all together as group 0.
CREATE TABLE counts (
  group_id BIGINT NOT NULL,
  what TEXT NOT NULL,
  value TEXT NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (group_id, what, value)
);

CREATE TABLE variables (
  group_id BIGINT NOT NULL,
  path TEXT NOT NULL,
  value TEXT NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (group_id, path, value)
);

CREATE TABLE runs (
  id BIGINT NOT NULL PRIMARY KEY,
  started BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  host TEXT NOT NULL
);
