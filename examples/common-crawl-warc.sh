#!/bin/sh
# Pages that Common Crawl's index names (one JSON object a line, from index.commoncrawl.org or its Parquet table): only their records are read.
set -eu
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" --cdx "${INDEX:-index.jsonl}"
