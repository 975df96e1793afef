"""The peers of cap.ts: MetaCLIP's balancing in numpy, written anew; CPU seconds and how often the most frequent entry was kept.

An entry with more than t matches has p = t / count, others 1; each match draws u < p, and a text is kept when one of its
matches is (section 3.3 of its paper). Twice:
- `steps`: with the operations of MetaCLIP's own indexing scripts: shards of (entry, text) rows; entries counted by sorting
  them (`numpy.unique`), counts in 64 bits gathered, clamped and divided for each match, the kept texts sorted.
- `columns`: as fast as numpy can: one histogram, a table of probabilities, logical "or" over each text's matches.
Reads columns written by cap.ts.
"""

import json
import sys
import time

import numpy as np

peer, folder = sys.argv[1:3]
entries, t, pairs, matches_a_pair = map(int, sys.argv[3:])
queries = np.fromfile(f"{folder}/cap-queries.bin", dtype=np.int32)


def steps():
    """A shard has as many texts as a block of cap.ts; making its rows is not counted."""
    texts = np.repeat(np.arange(pairs, dtype=np.uint32), matches_a_pair)
    shards = [np.column_stack((part, texts)) for part in queries.astype(np.uint32).reshape(-1, len(texts))]
    rng = np.random.default_rng(0)
    begin = time.process_time()
    counts = np.zeros(entries, dtype=np.uint64)
    for rows in shards:
        found, times = np.unique(rows[:, 0], return_counts=True)
        counts[found] += times.astype(np.uint64)
    counted = time.process_time()
    kept = 0
    chosen = np.zeros(entries, dtype=np.int64)
    tallying = 0.0
    for rows in shards:
        probability = t / np.maximum(counts[rows[:, 0]], np.uint64(t))
        drawn = rng.random(len(rows)) < probability
        kept += len(np.unique(rows[drawn, 1]))
        before = time.process_time()
        chosen += np.bincount(rows[drawn, 0], minlength=entries)
        tallying += time.process_time() - before
    end = time.process_time()
    return {"count": counted - begin, "draw": end - counted - tallying, "kept": kept, "most": int(chosen.max())}


def columns():
    starts = np.arange(0, len(queries), matches_a_pair)
    begin = time.process_time()
    counts = np.bincount(queries, minlength=entries)
    counted = time.process_time()
    probability = t / np.maximum(counts, t)
    rng = np.random.default_rng(0)
    drawn = rng.random(len(queries)) < probability[queries]
    kept = np.logical_or.reduceat(drawn, starts)
    end = time.process_time()
    chosen = np.bincount(queries[drawn], minlength=entries)
    return {"count": counted - begin, "draw": end - counted, "kept": int(kept.sum()), "most": int(chosen.max())}


print(json.dumps({"steps": steps, "columns": columns}[peer]()))
