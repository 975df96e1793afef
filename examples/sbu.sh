#!/bin/sh
# SBU Captions: one JSON file of columns.
set -eu
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" --urls sbu-captions-all.json
