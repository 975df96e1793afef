#!/bin/sh
# A whole Common Crawl: list of its WAT files, read over https. Name another crawl with CRAWL.
set -eu
CRAWL=${CRAWL:-CC-MAIN-2026-12}
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" \
  --wat "https://data.commoncrawl.org/crawl-data/$CRAWL/wat.paths.gz"
