#!/bin/sh
# YFCC100M: 23 tab-separated columns without a header, texts encoded as in addresses; films are left out.
set -eu
npm run crawl -- --data "${1:-data}" --user-agent "$WIT_USER_AGENT" --urls "${YFCC:-yfcc100m_dataset.bz2}"
