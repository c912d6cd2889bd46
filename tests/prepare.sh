#!/usr/bin/env bash
# Builds the image of the S3 server that the add-on's tests start beside DDEV's projects, and makes DDEV's network: the first two
# projects start at the same time, and DDEV fails if it finds that another DDEV has just made it. What a killed run has left is removed
# here, one project after the other: DDEV programs that run at once could bring one of them back.
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
docker network inspect ddev_default >/dev/null 2>&1 || docker network create --label com.ddev.platform=ddev ddev_default >/dev/null
projects=$(ddev list --json-output 2>/dev/null | jq -r '.raw[]?.name | select(ascii_downcase | test("^dump[.-]test-"))') || projects=
for project in $projects; do
  ddev delete --omit-snapshot --yes "$project" >/dev/null 2>&1 || ddev stop --unlist "$project" >/dev/null 2>&1 || true
done
