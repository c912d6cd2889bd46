#!/usr/bin/env bash
# Installs the named Debian packages that are missing. If none is, it does nothing and needs no root.
# NAME/SUITE takes a package from another Debian release than the machine's.
set -eu -o pipefail

missing=()
for package in "$@"; do
  if [ "$(dpkg-query -W -f '${db:Status-Status}' "${package%/*}" 2>/dev/null || true)" != installed ]; then
    missing+=("$package")
  fi
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

if ! command -v apt-get >/dev/null; then
  echo "these programs are needed, by the names of their Debian packages: ${missing[*]%/*}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
fi
echo "installing ${missing[*]}"
# Tests start their own servers, so those of the packages must not start. policy-rc.d prevents that; an existing one
# stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

# Adds a release as a source for packages that name it, and for no others.
add_suite() {
  local mirror
  mirror=$(apt-get indextargets --format "\$(REPO_URI)" 'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | head -n 1)
  "${as_root[@]}" tee "/etc/apt/sources.list.d/dump-refresh-$1.sources" >/dev/null <<END
Types: deb
URIs: $mirror
Suites: $1
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
  "${as_root[@]}" tee "/etc/apt/preferences.d/dump-refresh-$1" >/dev/null <<END
Package: *
Pin: release n=$1
Pin-Priority: 50
END
}

"${as_root[@]}" apt-get update -qq
suites=()
for package in "${missing[@]}"; do
  if [[ $package == */* && " ${suites[*]} " != *" ${package#*/} "* ]]; then
    suites+=("${package#*/}")
    add_suite "${package#*/}"
  fi
done
if [ ${#suites[@]} -gt 0 ]; then
  "${as_root[@]}" apt-get update -qq
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
