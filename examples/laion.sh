#!/bin/sh
# LAION-400M, LAION-2B or Re-LAION: the Parquet files of the metadata.
set -eu
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" --urls "${LAION:-laion/*.parquet}" \
  --save-cols similarity
