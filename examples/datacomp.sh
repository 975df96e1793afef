#!/bin/sh
# DataComp CommonPool: its Parquet files; pictures whose SHA-256 is another one than stated are dropped.
set -eu
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" --urls "${DATACOMP:-datacomp/*.parquet}" \
  --save-cols uid,clip_l14_similarity_score
