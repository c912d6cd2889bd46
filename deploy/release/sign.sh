#!/usr/bin/env bash
# sign.sh DIST: signs the list of checksums of a release with the secret key in MINISIGN_KEY, whose password is in MINISIGN_PASSWORD, and checks the
# signature with the public key. Who has that can check a release without asking anybody: docs/release.md.
set -eu -o pipefail
dist=$1
public=${MINISIGN_PUBLIC:-$(dirname "$0")/minisign.pub}
if [ ! -f "$public" ]; then
  echo "there is no $public; docs/release.md says how to make the keys" >&2
  exit 1
fi
key=$(mktemp)
trap 'rm -f "$key"' EXIT
printf '%s\n' "$MINISIGN_KEY" >"$key"
printf '%s\n' "${MINISIGN_PASSWORD:-}" |
  minisign -S -s "$key" -m "$dist/checksums.txt" -t "dump-refresh ${VERSION:-}" >/dev/null
minisign -V -p "$public" -m "$dist/checksums.txt"
