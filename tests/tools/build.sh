#!/usr/bin/env bash
# Builds the named programs of this folder into a folder outside the checkout.
# It keeps programs whose source has not changed, so a clone or a new branch need not build them again.
set -eu -o pipefail
cd "$(dirname "$0")"

target=${DUMP_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/dump-refresh/tools}
mkdir -p "$target"

# The source of a program: its modules' versions and its own files, if it has any.
source_of() { find "$1" -name '*.go' -o -name go.mod | sort | xargs cat; }

for tool in "$@"; do
  if [ -x "$target/$tool" ] && source_of "$tool" | cmp -s - "$target/$tool.mod"; then
    continue
  fi
  echo "building $tool into $target (once; minutes on a small machine)"
  (
    cd "$tool"
    ldflags='-s -w'
    if [ "$tool" = ddev ]; then
      # DDEV looks for images of its own version.
      ldflags+=" -X github.com/ddev/ddev/pkg/versionconstants.DdevVersion=$(go list -m -f '{{.Version}}' github.com/ddev/ddev)"
    fi
    CGO_ENABLED=0 go build -trimpath -ldflags "$ldflags" -o "$target/$tool.$$" "$(go list tool)"
    mv "$target/$tool.$$" "$target/$tool"
    source_of . >"$target/$tool.mod"
  )
done
