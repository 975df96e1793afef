"""The peer of cap.ts: MetaCLIP's balancing in numpy, written anew from its paper's formula (section 3.3).

An entry with more than t matches has p = t / count, others 1; each match draws u < p, and a text is kept when one of its
matches is. Reads columns written by cap.ts; prints CPU seconds and how often the most frequent entries were kept.
"""

import json
import sys
import time

import numpy as np

folder, entries, t = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
queries = np.fromfile(f"{folder}/cap-queries.bin", dtype=np.int32)
starts = np.fromfile(f"{folder}/cap-starts.bin", dtype=np.int64)
begin = time.process_time()
counts = np.bincount(queries, minlength=entries)
counted = time.process_time()
probability = t / np.maximum(counts, t)
rng = np.random.default_rng(0)
drawn = rng.random(len(queries)) < probability[queries]
kept = np.logical_or.reduceat(drawn, starts[:-1])
end = time.process_time()
chosen = np.bincount(queries[drawn], minlength=entries)
print(json.dumps({"count": counted - begin, "draw": end - counted, "kept": int(kept.sum()), "most": int(chosen.max())}))
