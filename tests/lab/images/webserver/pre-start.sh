#!/usr/bin/env bash
# The container's main process. It waits until it is stopped.
set -eu -o pipefail
trap 'exit 0' TERM INT
while true; do
  sleep 3600 &
  wait $!
done
