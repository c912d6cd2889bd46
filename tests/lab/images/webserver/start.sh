#!/usr/bin/env bash
# DDEV runs this in the running container. There is no web server to start.
set -eu -o pipefail
touch /tmp/healthy
