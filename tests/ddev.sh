#!/usr/bin/env bash
# Tests the add-on in this checkout, on a machine with DDEV and Docker: tests/ddev.sh [FILE…].
# Two test files run at the same time, because they mostly wait for containers.
set -eu -o pipefail
cd "$(dirname "$0")/.."

# Keeps the output of each file together.
if [ "${1:-}" = --file ]; then
  results=$(bats --formatter tap --filter-tags '!release' "$2") || failed=$?
  printf '%s\n' "$results"
  exit "${failed:-0}"
fi

make --no-print-directory image >&2
tests/prepare.sh >&2
if [ $# -eq 0 ]; then
  set -- tests/shop.bats tests/hook.bats tests/files.bats tests/neighbour.bats tests/start.bats tests/migration.bats tests/postgres.bats tests/test.bats # the longest first
fi

# volumes: lists those that belong to a project, or to nobody; the others are DDEV's for all projects.
volumes() {
  docker volume ls --quiet | grep -vE '^ddev-(global-cache|ssh-agent_|router)' | sort || true
}

before=$(volumes)
failed=0
printf '%s\0' "$@" | xargs -0 -P 2 -n 1 tests/ddev.sh --file || failed=$?
left=$(comm -13 <(echo "$before") <(volumes))
echo 1..1
if [ -n "$left" ]; then
  echo "not ok 1 the tests leave no Docker volume"
  printf '%s\n' "$left" | sed 's/^/# /'
  exit 1
fi
echo "ok 1 the tests leave no Docker volume"
exit "$failed"
