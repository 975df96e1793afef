#!/bin/sh
# Flickr, query by query, with your own key in FLICKR_API_KEY.
set -eu
: "${FLICKR_API_KEY:?set it to your key}"
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" --search flickr --time-budget $((${HOURS:-8} * 3600))
