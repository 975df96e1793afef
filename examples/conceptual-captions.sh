#!/bin/sh
# Conceptual Captions 3M and 12M: tab-separated lists without a header, told apart by their shape.
set -eu
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" --urls Train_GCC-training.tsv cc12m.tsv
