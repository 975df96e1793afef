#!/bin/sh
# COYO-700M: its Parquet files; the similarity and aesthetic scores go into the samples json.
set -eu
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" --urls "${COYO:-coyo-700m/*.parquet}" \
  --save-cols clip_similarity_vitl14,aesthetic_score_laion_v2
