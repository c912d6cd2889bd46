#!/usr/bin/env bash
# Builds the image of the S3 server that the add-on's tests start beside DDEV's projects.
set -eu -o pipefail
cd "$(dirname "$0")"

# The server runs in a Linux container, whatever this machine is.
export GOOS=linux DUMP_TEST_TOOLS=${DUMP_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/dump-refresh/linux-tools}
tools/build.sh minio
docker buildx build --quiet --tag dump-refresh-test-s3 --file - "$DUMP_TEST_TOOLS" >/dev/null <<'END'
FROM scratch
COPY minio /minio
ENTRYPOINT ["/minio"]
END
