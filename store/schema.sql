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
  kept       INTEGER NOT NULL DEFAULT 0, -- of these, in a shard
  sources    TEXT NOT NULL DEFAULT '',   -- all sources that hold it, commas between
  views      INTEGER NOT NULL DEFAULT 0  -- page views of the titles that are this term
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
  source     TEXT NOT NULL,              -- web, url-list, wat, warc, commons, ...
  host       TEXT NOT NULL,              -- registered domain[:port] of image_url: the unit of politeness
  licence    TEXT,
  origin     TEXT,                       -- JSON: file and row or offset, query and page, date, ...
  checksum   TEXT,                       -- sha256:... or md5:... of the bytes as sent, when the source states it
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
  extension  TEXT,                       -- as stored: jpg, webp, png
  bytes      INTEGER,                    -- of the stored picture
  sha256     TEXT,                       -- of the bytes as sent
  phash      TEXT,                       -- perceptual hash, 16 hexadecimal digits; null for flat pictures
  exif       TEXT,                       -- JSON object: what is kept of the picture's EXIF
  rights     TEXT,                       -- JSON object: licence, copyright, creator ... as its metadata states them
  file       TEXT, offset INTEGER,       -- where the stored picture lies: spool/00000.pack or shards/00000.tar
  shard      TEXT, key TEXT,             -- its place in the data set, when kept
  retrieved  TEXT,                       -- ISO 8601
  CHECK ((state = 'dropped') = (reason IS NOT NULL))
);
-- By state and reason, by picture and by page: see store/indices.ts.
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
  found    INTEGER                       -- candidates of it that were written: all, when it is done
);
-- The next page of a host is its first entry here.
CREATE INDEX page_state ON page (state, host, depth);

CREATE INDEX page_dropped ON page (reason, url) WHERE state = 'dropped';

-- How far a search source came with a query: the cursor is what asks for the next page.
CREATE TABLE search (
  source TEXT NOT NULL, term TEXT NOT NULL, cursor TEXT, pages INTEGER NOT NULL, found INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'full', 'exhausted', 'refused')), PRIMARY KEY (source, term)
) WITHOUT ROWID;

-- How far an input file was read: rows of a list, bytes of an archive, members of a folder.
CREATE TABLE list_position (file TEXT PRIMARY KEY, rows INTEGER NOT NULL, done INTEGER NOT NULL) WITHOUT ROWID;

-- robots.txt, ai.txt and tdmrep.json of each site, for a day.
CREATE TABLE site_file (url TEXT PRIMARY KEY, fetched_ms INTEGER NOT NULL, outcome TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE host (
  host TEXT PRIMARY KEY, requests INTEGER NOT NULL, ok INTEGER NOT NULL, failed INTEGER NOT NULL, bytes INTEGER NOT NULL,
  median_ms REAL, last_status INTEGER
) WITHOUT ROWID;

-- Pairs of the data set whose perceptual hashes differ in few of 64 bits; made anew with the shards.
CREATE TABLE near_duplicate (a TEXT NOT NULL, b TEXT NOT NULL, distance INTEGER NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID;

CREATE TABLE shard (shard TEXT PRIMARY KEY, pairs INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE run (
  id INTEGER PRIMARY KEY, stage TEXT NOT NULL, rank INTEGER NOT NULL, started TEXT NOT NULL, seconds REAL NOT NULL,
  items INTEGER NOT NULL
);

-- For the views below: each reads an index and no rows, so that it answers at once over millions of pairs.
CREATE INDEX pair_seen_again ON pair (seen) WHERE seen > 1;
CREATE INDEX pair_chosen ON pair (state, file) WHERE state = 'chosen';
CREATE INDEX pair_licence ON pair (licence, state) WHERE state = 'kept';
CREATE INDEX pair_size ON pair (width, height, bytes, state) WHERE state = 'kept';
CREATE INDEX pair_status ON pair (status) WHERE status IS NOT NULL;
CREATE INDEX pair_opt_out ON pair (opt_out, state) WHERE opt_out IS NOT NULL;
CREATE INDEX query_term ON query (term);
CREATE INDEX query_source ON query (source, kept, matched);
CREATE INDEX query_kept ON query (kept, matched);
CREATE INDEX query_matched ON query (matched, wiki_count);
CREATE INDEX host_requests ON host (requests);

-- Full-text search over the captions of all pairs that contain a query, as of the last time shards were written: filled
-- whole by store/search.ts, since keeping it up to date row by row would slow the crawl down.
CREATE VIRTUAL TABLE caption_search USING fts5 (caption, content = 'pair', content_rowid = 'rowid');

-- What was taken down, and must not come back whatever finds it: `npm run remove`. Kinds: pair (its id), url (of the
-- picture), host (of picture or page, with all below it), sha256 (of the bytes as sent).
CREATE TABLE removed (
  kind  TEXT NOT NULL CHECK (kind IN ('pair', 'url', 'host', 'sha256')),
  value TEXT NOT NULL,
  at    TEXT NOT NULL,                    -- ISO 8601
  PRIMARY KEY (kind, value)
) WITHOUT ROWID;

-- The pairs that a removal covers, whatever their state.
CREATE VIEW removed_pair (id) AS
SELECT p.id FROM pair p
WHERE EXISTS (SELECT 1 FROM removed WHERE kind = 'pair' AND value = p.id)
  OR EXISTS (SELECT 1 FROM removed WHERE kind = 'url' AND value = p.image_url)
  OR EXISTS (SELECT 1 FROM removed WHERE kind = 'sha256' AND value = p.sha256)
  OR EXISTS (
    SELECT 1 FROM removed r
    -- ".img.example.org:8080:" ends with ".example.org" before a colon; a user name before @ is no label of the host.
    WHERE r.kind = 'host' AND instr(
      '.' || replace(substr(substr(p.image_url, instr(p.image_url, '//') + 2), 1, instr(substr(p.image_url, instr(p.image_url, '//') + 2), '/') - 1), '@', '.') || ':'
      || coalesce('.' || replace(substr(substr(p.page_url, instr(p.page_url, '//') + 2), 1, instr(substr(p.page_url, instr(p.page_url, '//') + 2), '/') - 1), '@', '.') || ':', ''),
      '.' || r.value || ':') > 0
  );

-- Triggers, so that it holds for every source and every stage, also for ones not written yet.
CREATE TRIGGER removed_found AFTER INSERT ON pair WHEN NEW.state <> 'dropped' AND EXISTS (SELECT 1 FROM removed) BEGIN
  UPDATE pair SET state = 'dropped', reason = 'removed', chosen_for = NULL
  WHERE id = NEW.id AND id IN (SELECT id FROM removed_pair WHERE id = NEW.id);
END;
CREATE TRIGGER removed_revived AFTER UPDATE OF state, sha256 ON pair WHEN NEW.state <> 'dropped' AND EXISTS (SELECT 1 FROM removed) BEGIN
  UPDATE pair SET state = 'dropped', reason = 'removed', chosen_for = NULL
  WHERE id = NEW.id AND id IN (SELECT id FROM removed_pair WHERE id = NEW.id);
END;

-- ---------------------------------------------------------------------------------------------------------------------
-- Public views. Names and columns are stable.

-- For each stage what it dropped and, as `passed`, what went on: passed(stage before) = the sum of this stage's rows.
CREATE VIEW funnel (stage, reason, pairs) AS
WITH stages (stage, place) AS (
  VALUES ('extract', 1), ('caption', 2), ('match', 3), ('select', 4), ('download', 5), ('image', 6), ('shard', 7)
),
stopped (stage, reason, pairs) AS MATERIALIZED (
  SELECT stage, reason, pairs FROM tally
  UNION ALL SELECT 'extract', 'duplicate_pair', sum(seen - 1) FROM pair WHERE seen > 1 HAVING count(*) > 0
  UNION ALL SELECT r.stage, r.name, d.pairs
    FROM (SELECT reason, count(*) AS pairs FROM pair WHERE state = 'dropped' GROUP BY reason) d JOIN reason r ON r.name = d.reason
  UNION ALL SELECT 'select', 'waiting', count(*) FROM pair WHERE state = 'candidate' HAVING count(*) > 0
  UNION ALL SELECT 'select', 'reserve', count(*) FROM pair WHERE state = 'reserve' HAVING count(*) > 0
  UNION ALL SELECT 'download', 'waiting', count(*) FROM pair INDEXED BY pair_chosen WHERE state = 'chosen' AND file IS NULL HAVING count(*) > 0
  UNION ALL SELECT 'shard', 'waiting', count(*) FROM pair INDEXED BY pair_chosen WHERE state = 'chosen' AND file IS NOT NULL HAVING count(*) > 0
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

-- The list as it was built: queries.tsv.
CREATE VIEW query_list (query, source, sources, count, score, views) AS
SELECT term, source, sources, wiki_count, score, views FROM query;

CREATE VIEW drop_reasons (stage, reason, pairs, example) AS
SELECT r.stage, r.name, d.pairs,
  -- Of the smallest pair id: any would do, but the same set should show the same.
  (SELECT CASE WHEN r.stage IN ('caption', 'match') THEN p.caption ELSE p.image_url END
    FROM pair p WHERE p.state = 'dropped' AND p.reason = r.name ORDER BY p.id LIMIT 1)
FROM (SELECT reason, count(*) AS pairs FROM pair WHERE state = 'dropped' GROUP BY reason) d JOIN reason r ON r.name = d.reason
UNION ALL SELECT stage, reason, pairs, example FROM tally
ORDER BY 3 DESC;

-- Pictures that look the same though their bytes differ; `a` has the smaller pair id. See docs/decisions/037.
CREATE VIEW near_duplicates (distance, a, b, a_url, b_url, a_caption, b_caption) AS
SELECT d.distance, d.a, d.b, a.image_url, b.image_url, a.caption, b.caption
FROM near_duplicate d JOIN pair a ON a.id = d.a JOIN pair b ON b.id = d.b ORDER BY d.distance, d.a, d.b;

CREATE VIEW host_stats (host, requests, ok, failed, bytes, median_ms, last_status) AS
SELECT host, requests, ok, failed, bytes, median_ms, last_status FROM host ORDER BY requests DESC;

CREATE VIEW shard_stats (shard, pairs, bytes, sha256) AS SELECT shard, pairs, bytes, sha256 FROM shard ORDER BY shard;

CREATE VIEW licence_stats (licence, pairs) AS
SELECT coalesce(licence, 'unknown'), pairs
FROM (SELECT licence, count(*) AS pairs FROM pair INDEXED BY pair_licence WHERE state = 'kept' GROUP BY licence) ORDER BY 2 DESC;

CREATE VIEW size_stats (width, height, pairs) AS
SELECT width, height, count(*) FROM pair INDEXED BY pair_size WHERE state = 'kept' GROUP BY width, height;

CREATE VIEW run_stats (stage, rank, started, seconds, items, items_per_second) AS
SELECT stage, rank, started, seconds, items, CASE WHEN seconds > 0 THEN round(items / seconds, 1) END FROM run ORDER BY id;

PRAGMA user_version = 4;
