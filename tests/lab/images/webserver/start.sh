#!/usr/bin/env bash
# DDEV runs this in the running container; there is no web server to start.
set -eu -o pipefail
touch /tmp/healthy
