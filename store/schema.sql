-- State and statistics of one workspace. The tables are ours to change; the views at the end are the public interface.
-- Applied as a whole when a database is made; `pragma user_version` is raised with every change that old files lack.

-- What the build was made with: seed, cap, checksum of the query list, version, ...
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- The query list; id is the row number in queries.tsv. The four counts are refreshed at the end of each stage.
CREATE TABLE query (
  id         INTEGER PRIMARY KEY,
  term       TEXT NOT NULL,
  source     TEXT NOT NULL,             -- unigram, bigram, title, synset
  wiki_count INTEGER NOT NULL,
  score      REAL NOT NULL,
  matched    INTEGER NOT NULL DEFAULT 0, -- pairs whose caption contains it (and passed the caption rules)
  chosen     INTEGER NOT NULL DEFAULT 0, -- of these, on account of it, never more than the cap
  downloaded INTEGER NOT NULL DEFAULT 0, -- of the chosen, with a picture
  kept       INTEGER NOT NULL DEFAULT 0  -- of these, in a shard
);

-- Every reason a pair can be dropped for, with the stage that gives it: filled from the code when a database is opened.
CREATE TABLE reason (name TEXT PRIMARY KEY, stage TEXT NOT NULL, help TEXT NOT NULL) WITHOUT ROWID;

-- One row a candidate, dropped ones too.
CREATE TABLE pair (
  id         TEXT PRIMARY KEY,           -- first 8 bytes of SHA-256(image_url NUL caption), hexadecimal
  image_url  TEXT NOT NULL,
  page_url   TEXT,
  caption    TEXT NOT NULL,
  kind       TEXT NOT NULL,              -- figcaption, json-ld, alt, title, sitemap, preview, list
  source     TEXT NOT NULL,              -- web, url-list
  host       TEXT NOT NULL,              -- registered domain[:port] of image_url: the unit of politeness
  licence    TEXT,
  opt_out    TEXT,                       -- JSON array of the opt-out signals seen
  seen       INTEGER NOT NULL DEFAULT 1, -- how often this very pair was found
  state      TEXT NOT NULL CHECK (state IN ('candidate', 'chosen', 'kept', 'reserve', 'dropped')),
  reason     TEXT REFERENCES reason (name),
  detail     TEXT,                       -- what the rule saw: "short side 40 px"
  queries    TEXT,                       -- JSON array of query ids; null when the caption rules dropped it
  chosen_for TEXT,                       -- JSON array: the queries whose cap lets it in
  attempts   INTEGER NOT NULL DEFAULT 0,
  status     INTEGER,                    -- last HTTP status of the picture
  width      INTEGER, height INTEGER,    -- as stored
  original_width INTEGER, original_height INTEGER,
  format     TEXT,                       -- as sent: jpeg, png, webp, ...
  bytes      INTEGER,                    -- of the stored picture
  sha256     TEXT,                       -- of the bytes as sent
  file       TEXT, offset INTEGER,       -- where the stored picture lies: spool/00000.pack or shards/00000.tar
  shard      TEXT, key TEXT,             -- its place in the data set, when kept
  retrieved  TEXT,                       -- ISO 8601
  CHECK ((state = 'dropped') = (reason IS NOT NULL))
);
CREATE INDEX pair_state ON pair (state, reason);
CREATE INDEX pair_image_url ON pair (image_url);
CREATE INDEX pair_sha256 ON pair (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX pair_to_download ON pair (host, id) WHERE state = 'chosen' AND file IS NULL;

-- What was dropped before it could become a row of `pair` (a picture without text, an unreadable line of a list).
CREATE TABLE tally (stage TEXT NOT NULL, reason TEXT NOT NULL, pairs INTEGER NOT NULL, example TEXT,
  PRIMARY KEY (stage, reason)) WITHOUT ROWID;

-- The frontier: every page address met, once.
CREATE TABLE page (
  url      TEXT PRIMARY KEY,
  host     TEXT NOT NULL,
  depth    INTEGER NOT NULL,
  state    TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'dropped')),
  reason   TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  status   INTEGER,
  found    INTEGER                       -- candidates on it, when done
);
CREATE INDEX page_state ON page (state, host);

-- How far a list of addresses was read.
CREATE TABLE list_position (file TEXT PRIMARY KEY, rows INTEGER NOT NULL, done INTEGER NOT NULL) WITHOUT ROWID;

-- robots.txt, ai.txt and tdmrep.json of each site, for a day.
CREATE TABLE site_file (url TEXT PRIMARY KEY, fetched_ms INTEGER NOT NULL, outcome TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE host (
  host TEXT PRIMARY KEY, requests INTEGER NOT NULL, ok INTEGER NOT NULL, failed INTEGER NOT NULL, bytes INTEGER NOT NULL,
  median_ms REAL, last_status INTEGER
) WITHOUT ROWID;

CREATE TABLE shard (shard TEXT PRIMARY KEY, pairs INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE run (
  id INTEGER PRIMARY KEY, stage TEXT NOT NULL, rank INTEGER NOT NULL, started TEXT NOT NULL, seconds REAL NOT NULL,
  items INTEGER NOT NULL
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Public views. Names and columns are stable.

-- For each stage what it dropped and, as `passed`, what went on: passed(stage before) = the sum of this stage's rows.
CREATE VIEW funnel (stage, reason, pairs) AS
WITH stages (stage, place) AS (
  VALUES ('extract', 1), ('caption', 2), ('match', 3), ('select', 4), ('download', 5), ('image', 6), ('shard', 7)
),
stopped (stage, reason, pairs) AS (
  SELECT stage, reason, pairs FROM tally
  UNION ALL SELECT 'extract', 'duplicate_pair', sum(seen) - count(*) FROM pair HAVING sum(seen) > count(*)
  UNION ALL SELECT r.stage, r.name, count(*) FROM pair p JOIN reason r ON r.name = p.reason WHERE p.state = 'dropped' GROUP BY r.name
  UNION ALL SELECT 'select', 'waiting', count(*) FROM pair WHERE state = 'candidate' HAVING count(*) > 0
  UNION ALL SELECT 'select', 'reserve', count(*) FROM pair WHERE state = 'reserve' HAVING count(*) > 0
  UNION ALL SELECT 'download', 'waiting', count(*) FROM pair WHERE state = 'chosen' AND file IS NULL HAVING count(*) > 0
  UNION ALL SELECT 'shard', 'waiting', count(*) FROM pair WHERE state = 'chosen' AND file IS NOT NULL HAVING count(*) > 0
),
passed (stage, reason, pairs) AS (
  SELECT s.stage, 'passed',
    (SELECT count(*) FROM pair WHERE state = 'kept')
      + coalesce((SELECT sum(d.pairs) FROM stopped d JOIN stages l ON l.stage = d.stage WHERE l.place > s.place), 0)
  FROM stages s
)
SELECT f.stage, f.reason, f.pairs
FROM (SELECT * FROM stopped UNION ALL SELECT * FROM passed) f JOIN stages s ON s.stage = f.stage
ORDER BY s.place, f.reason = 'passed', f.pairs DESC, f.reason;

-- Per query. `kept` counts pairs kept on account of it and never exceeds the cap; a head word may occur in more captions.
CREATE VIEW query_stats (query, source, wiki_count, matched, chosen, downloaded, kept) AS
SELECT term, source, wiki_count, matched, chosen, downloaded, kept FROM query;

CREATE VIEW drop_reasons (stage, reason, pairs, example) AS
SELECT r.stage, r.name, count(*), min(CASE WHEN r.stage IN ('caption', 'match') THEN p.caption ELSE p.image_url END)
FROM pair p JOIN reason r ON r.name = p.reason WHERE p.state = 'dropped' GROUP BY r.name
UNION ALL SELECT stage, reason, pairs, example FROM tally
ORDER BY 3 DESC;

CREATE VIEW host_stats (host, requests, ok, failed, bytes, median_ms, last_status) AS
SELECT host, requests, ok, failed, bytes, median_ms, last_status FROM host ORDER BY requests DESC;

CREATE VIEW shard_stats (shard, pairs, bytes, sha256) AS SELECT shard, pairs, bytes, sha256 FROM shard ORDER BY shard;

CREATE VIEW licence_stats (licence, pairs) AS
SELECT coalesce(licence, 'unknown'), count(*) FROM pair WHERE state = 'kept' GROUP BY 1 ORDER BY 2 DESC;

CREATE VIEW run_stats (stage, rank, started, seconds, items, items_per_second) AS
SELECT stage, rank, started, seconds, items, CASE WHEN seconds > 0 THEN round(items / seconds, 1) END FROM run ORDER BY id;

PRAGMA user_version = 1;
