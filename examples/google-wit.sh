#!/bin/sh
# Google WIT: three captions a picture; the reference description is preferred, then the alt text.
set -eu
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" --urls "${WIT:-wit_v1.train.all-*.tsv.gz}" \
  --save-cols page_title
