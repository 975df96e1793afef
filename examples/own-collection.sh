#!/bin/sh
# A folder of pictures with .txt or .json beside them, or WebDataset shards; nothing is fetched.
set -eu
npm run crawl -- --data "${1:-data}" --folder "${PICTURES:-pictures}"
