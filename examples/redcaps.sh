#!/bin/sh
# RedCaps: a folder of JSON files, one a subreddit and year.
set -eu
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" --urls "${REDCAPS:-redcaps/annotations/*.json}" \
  --save-cols subreddit
