#!/usr/bin/env bash
# Builds the named programs of this folder into a folder outside the checkout.
# What is there already and of the same version stays: a clone or a new branch costs nothing.
set -eu -o pipefail
cd "$(dirname "$0")"

target=${DUMP_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/dump-refresh/tools}
mkdir -p "$target"

for tool in "$@"; do
  if [ -x "$target/$tool" ] && cmp -s "$tool/go.mod" "$target/$tool.mod"; then
    continue
  fi
  echo "building $tool into $target (once; minutes on a small machine)"
  (
    cd "$tool"
    ldflags='-s -w'
    if [ "$tool" = ddev ]; then
      # DDEV looks for the images of its own version.
      ldflags+=" -X github.com/ddev/ddev/pkg/versionconstants.DdevVersion=$(go list -m -f '{{.Version}}' github.com/ddev/ddev)"
    fi
    CGO_ENABLED=0 go build -trimpath -ldflags "$ldflags" -o "$target/$tool.$$" "$(go list tool)"
    mv "$target/$tool.$$" "$target/$tool"
    cp go.mod "$target/$tool.mod"
  )
done
