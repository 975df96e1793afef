#!/bin/sh
# Wikimedia Commons, query by query, the least filled first; stops after HOURS and goes on when run again.
set -eu
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" --search commons --time-budget $((${HOURS:-8} * 3600))
