#!/usr/bin/env bash
# pins.sh TAG: checks that every file that names a version of this project names that of a release.
set -eu -o pipefail
tag=$1
cd "$(dirname "$0")/../.."

# Where a version of ours stands: after the name of an image, or of a setting.
pins='(jobiqo/dump-refresh(-fleet)?:|newTag: |dump_refresh_version: )v[0-9]+\.[0-9]+\.[0-9]+[-.a-z0-9]*'
found=$(grep --recursive --extended-regexp --only-matching --line-number "$pins" deploy docker-compose.dump.yaml docs/image.md)
wrong=$(printf '%s\n' "$found" | grep --invert-match --extended-regexp "[: ]${tag//./\\.}\$" || true)
if [ -n "$wrong" ]; then
  printf 'these name another version than %s:\n%s\n' "$tag" "$wrong" >&2
  exit 1
fi
printf '%d places name %s\n' "$(printf '%s\n' "$found" | wc -l)" "$tag"
