import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { HttpClient } from "../../../crawler/http.ts";
import { readUrlList, type UrlListOptions } from "../../../crawler/sources/url-list.ts";
import { closeDatabase, type Database, openDatabase } from "../../../store/database.ts";
import type { Candidate } from "../../../store/types.ts";
import { temporaryFolder } from "../../folder.ts";
import { writeLists } from "./write-lists.ts";

const folder = temporaryFolder("published");
const http = new HttpClient({ userAgent: "test", allowPrivate: [], resolve: [] });
let db: Database;

/** Lists with the columns, types, codecs and quirks of the published ones, written by the library that wrote most of them. */
const WRITE = String.raw`
import csv, gzip, bz2, json, os, sys
import pyarrow as pa, pyarrow.parquet as pq
os.chdir(sys.argv[1])
U = ['https://a.example/1.jpg', 'https://a.example/2.jpg']
T = ['A red apple', 'Ein Bär – größer']
table = lambda **c: pa.table(c)
laion = dict(SAMPLE_ID=[1, 2], URL=U, TEXT=T, HEIGHT=[300, 200], WIDTH=[400, 100], LICENSE=['?', 'cc-by-2.0'], NSFW=['UNLIKELY', None], similarity=[.3, .4])
pq.write_table(table(**laion), 'laion400m.parquet', compression='snappy')
pq.write_table(table(URL=U, TEXT=T, WIDTH=[1, 2], HEIGHT=[1, 2], similarity=[.3, .4], hash=[2**62, -5], LANGUAGE=['en', 'de'], punsafe=[.1, None], pwatermark=[.2, .3]), 'laion5b.parquet', compression='zstd')
pq.write_table(table(URL=U, TEXT=T, top_caption=['an apple', 'a bear'], all_captions=[['x', 'y'], []], all_similarities=[[.1, .2], []], WIDTH=[1, 2], HEIGHT=[1, 2], similarity=[.3, .4], hash=[1, 2], pwatermark=[.1, .1], punsafe=[.1, .1]), 'laion-coco.parquet', compression='gzip')
pq.write_table(table(id=[841814333321, 2], url=U, text=T, width=[1, 2], height=[1, 2], image_phash=['0a', '0b'], text_length=[1, 2], word_count=[1, 2], num_faces=[0, 0], clip_similarity_vitb32=[.1, .2], nsfw_score_opennsfw2=[.1, .2], watermark_score=[.1, .2], aesthetic_score_laion_v2=[5., 6.]), 'coyo.parquet', compression='brotli')
pq.write_table(table(uid=['u1', 'u2'], url=U, text=T, original_width=[1, 2], original_height=[1, 2], clip_b32_similarity_score=[.1, .2], face_bboxes=pa.array([[[.1, .2, .3, .4]], []], pa.list_(pa.list_(pa.float64()))), sha256=['ab' * 32, 'CD' * 32]), 'datacomp.parquet', data_page_version='2.0', compression='zstd')
open('cc3m.tsv', 'w').write(''.join(f'{t}\t{u}\n' for u, t in zip(U, T)))
open('cc12m.tsv', 'w').write(''.join(f'{u}\t{t}\n' for u, t in zip(U, T)))
json.dump({'info': {'version': '1.0'}, 'annotations': [{'image_id': 'bl5sm8', 'author': 'someone', 'url': U[i], 'raw_caption': T[i] + '!', 'caption': T[i], 'subreddit': 'pics', 'score': 3, 'created_utc': 1557000000, 'permalink': f'/r/pics/comments/{i}/x/', 'crosspost_parents': None} for i in (0, 1)]}, open('redcaps.json', 'w'))
wit = 'language page_url image_url page_title section_title hierarchical_section_title caption_reference_description caption_attribution_description caption_alt_text_description mime_type original_height original_width is_main_image attribution_passes_lang_id page_changed_recently context_page_description context_section_description'.split()
with gzip.open('wit_v1.train.all-1percent_sample.tsv.gz', 'wt', newline='') as f:
    w = csv.writer(f, delimiter='\t', lineterminator='\n', quoting=csv.QUOTE_NONE, quotechar=None, escapechar='\\'); w.writerow(wit)
    w.writerow(['en', 'https://en.example/wiki/Apple', U[0], 'Apple', '', 'Apple', T[0], 'English: Apples in a "basket"', 'apples', 'image/jpeg', '1', '2', 'true', 'true', 'true', 'x', 'y'])
    w.writerow(['de', 'https://de.example/wiki/B', U[1], 'Bär', '', '', '', T[1], '', 'image/jpeg', '1', '2', 'true', 'true', 'true', 'x', 'y'])
json.dump({'image_urls': U, 'user_id': ['a', 'b'], 'captions': T}, open('sbu-captions-all.json', 'w'))
yfcc = lambda i, title, text, marker: [str(i), 'u@N00', 'nick+name', '2012-04-14 13:38:03.0', '1330000000', 'Canon', title, text, 'tag', '', '1.0', '2.0', '16', f'http://www.flickr.com/photos/u/{i}/', f'http://farm1.staticflickr.com/1/{i}_s.jpg', 'Attribution License', 'http://creativecommons.org/licenses/by/2.0/', '1', '1', 's', 's', 'jpg', marker]
rows = [yfcc(1, 'Caf%C3%A9+in+Paris', 'A+%3Ca+href%3D%22http%3A%2F%2Fx%22%3Ebig%3C%2Fa%3E+table', '0'), yfcc(2, 'Film', '', '1'), yfcc(3, '', '', '0')]
bz2.open('yfcc100m_dataset.bz2', 'wt').write(''.join('\t'.join(r) + '\n' for r in rows))
open('yfcc-hashed.tsv', 'w').write(''.join('\t'.join([str(n), r[0], 'hash'] + r[1:]) + '\n' for n, r in enumerate(rows)))
n = 30000
big = table(url=[f'https://a.example/{i}.jpg' for i in range(n)], caption=[f'caption number {i} {i * 7919 % 104729}' if i % 10 else None for i in range(n)], word=[f'w{i % 5}' for i in range(n)])
pq.write_table(big, 'paged.parquet', data_page_size=4096, row_group_size=20000, write_statistics=True, use_dictionary=['word'])
`;

before(() => {
  writeLists(WRITE, folder);
  db = openDatabase(folder);
});
after(async () => {
  closeDatabase(db);
  await http.close();
});

async function read(name: string, options: Partial<UrlListOptions> = {}, from = 0) {
  const candidates: Candidate[] = [];
  const drops: string[] = [];
  const file = join(folder, name);
  db.prepare("INSERT OR REPLACE INTO list_position VALUES (?, ?, 0)").run(file, from);
  for await (const batch of readUrlList(db, http, { file, ...options }, new AbortController().signal)) {
    candidates.push(...batch.candidates);
    drops.push(...batch.drops.map(({ reason, example }) => `${reason} ${example.replace(/^.*\//, "")}`));
  }
  return { candidates, drops };
}

const [URL1, URL2] = ["https://a.example/1.jpg", "https://a.example/2.jpg"];
const [TEXT1, TEXT2] = ["A red apple", "Ein Bär – größer"];
const texts = (candidates: Candidate[]) => candidates.map(({ imageUrl, kind, caption }) => [imageUrl, kind, caption]);

const PLAIN = (kind: string) => [
  [URL1, kind, TEXT1],
  [URL2, kind, TEXT2],
];
for (const [name, kind] of [
  ["laion400m.parquet", "alt"],
  ["laion5b.parquet", "alt"],
  ["coyo.parquet", "alt"],
  ["datacomp.parquet", "alt"],
  ["cc3m.tsv", "list"],
  ["cc12m.tsv", "list"],
  ["redcaps.json", "list"],
  ["sbu-captions-all.json", "list"],
] as const) {
  test(`${name}: address and caption`, async () => {
    const { candidates, drops } = await read(name);
    assert.deepEqual(texts(candidates), PLAIN(kind));
    assert.deepEqual(drops, []);
    assert.deepEqual(
      candidates.map(({ origin }) => [origin?.file, origin?.row]),
      [
        [join(folder, name), 0],
        [join(folder, name), 1],
      ],
    );
  });
}

test("LAION-COCO: both captions, and its nested columns on demand", async () => {
  const { candidates } = await read("laion-coco.parquet", { saveColumns: ["all_captions", "hash"] });
  assert.deepEqual(texts(candidates), [
    [URL1, "alt", TEXT1],
    [URL1, "list", "an apple"],
    [URL2, "alt", TEXT2],
    [URL2, "list", "a bear"],
  ]);
  assert.deepEqual(candidates[0]?.origin?.columns, { all_captions: ["x", "y"], hash: 1 });
  const chosen = await read("laion-coco.parquet", { captionColumn: "top_caption" });
  assert.deepEqual(
    chosen.candidates.map(({ caption }) => caption),
    ["an apple", "a bear"],
  );
});

test("licence, language, checksum, page and author travel with the pair", async () => {
  const [first, second] = (await read("laion400m.parquet")).candidates;
  assert.deepEqual([first?.licence, second?.licence], [undefined, "cc-by-2.0"]);
  assert.equal((await read("laion5b.parquet")).candidates[1]?.origin?.language, "de");
  const datacomp = (await read("datacomp.parquet")).candidates;
  assert.deepEqual(
    datacomp.map(({ checksum }) => checksum),
    [`sha256:${"ab".repeat(32)}`, `sha256:${"cd".repeat(32)}`],
  );
  const [redcaps] = (await read("redcaps.json")).candidates;
  assert.equal(redcaps?.pageUrl, "https://www.reddit.com/r/pics/comments/0/x/");
  assert.equal(redcaps?.origin?.author, "someone");
});

test("Google WIT: three captions, page and language", async () => {
  const { candidates } = await read("wit_v1.train.all-1percent_sample.tsv.gz");
  assert.deepEqual(texts(candidates), [
    [URL1, "figcaption", TEXT1],
    [URL1, "alt", "apples"],
    [URL1, "list", 'English: Apples in a "basket"'],
    [URL2, "list", TEXT2],
  ]);
  assert.equal(candidates[3]?.pageUrl, "https://de.example/wiki/B");
  assert.equal(candidates[3]?.origin?.language, "de");
});

for (const name of ["yfcc100m_dataset.bz2", "yfcc-hashed.tsv"]) {
  test(`YFCC100M (${name}): encoded text, markup, films, no text`, async () => {
    const { candidates, drops } = await read(name);
    assert.deepEqual(texts(candidates), [
      ["http://farm1.staticflickr.com/1/1_s.jpg", "list", "A big table"],
      ["http://farm1.staticflickr.com/1/1_s.jpg", "title", "Café in Paris"],
    ]);
    assert.deepEqual(drops, [`not_picture ${name}:2`, `no_text ${name}:3`]);
    assert.equal(candidates[0]?.licence, "http://creativecommons.org/licenses/by/2.0/");
    assert.equal(candidates[0]?.pageUrl, "http://www.flickr.com/photos/u/1/");
  });
}

test("a Parquet file of many pages, from any row on, with nulls and dictionaries", async () => {
  const saveColumns = ["word"];
  const all = (await read("paged.parquet", { saveColumns })).candidates;
  assert.equal(all.length, 27_000);
  for (const { imageUrl, caption, origin } of all) {
    const row = origin?.row ?? -1;
    assert.equal(imageUrl, `https://a.example/${row}.jpg`);
    assert.equal(caption, `caption number ${row} ${(row * 7919) % 104_729}`);
    assert.equal(origin?.columns?.["word"], `w${row % 5}`);
  }
  for (const from of [1, 4_095, 8_192, 19_999, 20_000, 29_999]) {
    const rest = (await read("paged.parquet", { saveColumns }, from)).candidates;
    assert.deepEqual(rest, all.slice(all.findIndex(({ origin }) => (origin?.row ?? 0) >= from)).slice(0, rest.length));
    assert.equal(rest.length, all.filter(({ origin }) => (origin?.row ?? 0) >= from).length);
  }
});

test("a column to keep that is not there is said", async () => {
  await assert.rejects(
    read("cc3m.tsv", { saveColumns: ["author"] }),
    /no column author \(--save-cols\); it has caption, url/,
  );
});
