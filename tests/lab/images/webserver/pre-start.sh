#!/usr/bin/env bash
# The container's own process: it stays until it is told to end.
set -eu -o pipefail
trap 'exit 0' TERM INT
while true; do
  sleep 3600 &
  wait $!
done
