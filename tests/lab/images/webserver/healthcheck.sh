#!/usr/bin/env bash
set -eu -o pipefail
printf '%s' "/var/www/html:OK mailpit:OK phpstatus:OK "
