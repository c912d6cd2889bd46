#!/usr/bin/env bash
# Compares how long `ddev pull-latest-dump` takes, for SQL and for tables as files, with `ddev import-db --file` of the same dump,
# in the same project of a real DDEV. The dump is on an S3 server on the same machine; each pull fetches it again.
# Usage: ddev.sh DUMP.sql
set -eu -o pipefail

dump=$1
runs=${RUNS:-3}
BATS_TEST_FILENAME=$(cd "$(dirname "$0")/.." && pwd)/bench
# shellcheck source=tests/ddev.bash
. "$(dirname "$BATS_TEST_FILENAME")/ddev.bash"
set_names bench
make --no-print-directory -C "$DIR" image >&2
"$DIR/tests/prepare.sh" >&2

finish() {
  delete_project "$NAME"
  docker rm --force --volumes "$S3" >/dev/null
  rm -r "$DATA"
}
DATA=$(mktemp -d)
trap finish EXIT

start_project "$NAME"
start_s3
ddev add-on get "$DIR" >/dev/null 2>&1
use_bucket "DUMP_SOURCE=mysql://root@db:3306/staging"
ddev dotenv set .ddev/.env.dump --dump-source-password=root >/dev/null
ddev restart -y >/dev/null 2>&1
ddev import-db --database=staging --file="$dump" >/dev/null
ddev refresh-dump
bake "$NAME"

# seconds NAME COMMAND…: runs a command and adds its time to the list of NAME.
seconds() {
  local name=$1 began=$EPOCHREALTIME
  shift
  "$@" >/dev/null
  awk -v began="$began" -v ended="$EPOCHREALTIME" 'BEGIN { printf "%.2f\n", ended - began }' >>"$DATA/$name"
}

median() {
  sort --numeric-sort "$DATA/$1" | sed -n "$(((runs + 1) / 2))p"
}

for _ in $(seq "$runs"); do
  for how in sql files; do
    docker exec --user root "ddev-$NAME-web" rm -rf /mnt/ddev-global-cache/dump-refresh
    if [ "$how" = sql ]; then set -- --sql; else set --; fi
    seconds "$how" ddev pull-latest-dump --quiet "$@"
  done
  seconds import ddev import-db --file="$dump"
done
echo "ddev pull-latest-dump --sql: $(median sql) s ($(paste -sd' ' "$DATA/sql"))"
echo "ddev pull-latest-dump, tables as files: $(median files) s ($(paste -sd' ' "$DATA/files"))"
echo "ddev import-db --file: $(median import) s ($(paste -sd' ' "$DATA/import"))"
awk -v sql="$(median sql)" -v files="$(median files)" -v import="$(median import)" 'BEGIN {
  printf "ratio of medians, SQL: %.2f, less than 0.70 is wanted\n", sql / import
  printf "ratio of medians, files: %.2f, less than 0.20 is wanted\n", files / import
  exit sql / import >= 0.7 || files / import >= 0.2
}'
