#!/usr/bin/env bash
# Collects the image's files from Debian in a new folder: debian.sh ARCHITECTURE FOLDER.
# It takes files out of packages and runs none of them, so any of Debian's architectures works.
set -eu -o pipefail

architecture=$1
image=$2
# pg_dump must be as new as the newest server that DDEV offers. That comes from a newer release, with its libpq; Debian's other
# libraries are new enough for both.
postgres=18
newer=forky

# The dump clients; stdbuf, with which a refresh starts them, and the library that stdbuf loads into them; the shell for
# DUMP_SOURCE=command:… and for `ddev ssh -s dump`; the authentication plugins that a server may request from MariaDB's
# client, which loads them by name.
programs=(
  usr/bin/mariadb-dump
  "usr/lib/postgresql/$postgres/bin/pg_dump"
  usr/bin/stdbuf usr/libexec/coreutils/libstdbuf.so
  usr/bin/dash
  'usr/lib/*/libmariadb3/plugin/*.so'
)
# The packages of these files and of the libraries that they are linked with. The build stops if a library's package is
# missing here.
packages=(
  mariadb-client coreutils dash libmariadb3 mariadb-plugin-gssapi-client
  libc6 libgcc-s1 libstdc++6 gcc-14-base libssl3t64 zlib1g libzstd1 liblz4-1 libxxhash0
  libldap2 libsasl2-2 libgssapi-krb5-2 libkrb5-3 libkrb5support0 libk5crypto3 libcom-err2 libkeyutils1
  ca-certificates base-files
)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/packages" "$work/files"
cd "$work/packages"
options=(-qq -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update
apt-get "${options[@]}" download "${packages[@]}"
mirror=$(apt-get indextargets --format "\$(REPO_URI)" 'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | head -n 1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $newer main" >"$work/newer.list"
mkdir -p "$work/lists/partial"
# A mirror may be an old copy: its lists have then expired, but are still signed.
options+=(-o Dir::Etc::SourceList="$work/newer.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/lists" -o Acquire::Check-Valid-Until=false)
apt-get "${options[@]}" update
apt-get "${options[@]}" download "postgresql-client-$postgres" libpq5
for package in *.deb; do
  dpkg-deb --extract "$package" "$work/files"
done

cd "$work/files"
# place FILE…: copies programs or libraries, and the libraries that they are linked with.
place() {
  local file interpreter library
  for file in "$@"; do
    if [ -e "$image/$file" ]; then
      continue
    fi
    install -D "$file" "$image/$file"
    interpreter=$(readelf --program-headers "$file" | sed -n 's/.*program interpreter: \(.*\)]$/usr\1/p')
    if [ -n "$interpreter" ] && [ ! -L "$image/$interpreter" ]; then
      install -d "$image/${interpreter%/*}"
      cp --no-dereference "$interpreter" "$image/$interpreter"
    fi
    for library in $(readelf --dynamic "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)]$/\1/p'); do
      place usr/lib/*-linux-gnu/"$library"
    done
  done
}
# shellcheck disable=SC2068 # the patterns are meant to be expanded
place ${programs[@]}

# Links under the names by which programs are looked up. dump-helper itself is in /, in a layer of its own: its parent
# folders would be in that layer too, with the time of the build.
ln -s ../../dump-helper "$image/usr/bin/dump-helper"
ln -s dash "$image/usr/bin/sh"
ln -s "../lib/postgresql/$postgres/bin/pg_dump" "$image/usr/bin/pg_dump"
ln -s usr/bin usr/lib "$image"
if [ -d "$image/usr/lib64" ]; then
  ln -s usr/lib64 "$image" # missing on arm64
fi

# The certificate authorities that Debian trusts, not those of the machine that builds this.
install -d "$image/etc/ssl/certs" "$image/tmp"
chmod 1777 "$image/tmp"
cat usr/share/ca-certificates/mozilla/*.crt >"$image/etc/ssl/certs/ca-certificates.crt"
cat >"$image/etc/passwd" <<'END'
root:x:0:0:root:/tmp:/bin/sh
dump:x:65532:65532:dump-helper:/tmp:/bin/sh
END
cat >"$image/etc/group" <<'END'
root:x:0:
dump:x:65532:
END
cat >"$image/etc/nsswitch.conf" <<'END'
passwd: files
group: files
hosts: files dns
END

# Vulnerability scanners read this in an image without dpkg.
install -D --mode=644 usr/lib/os-release "$image/usr/lib/os-release"
ln -s ../usr/lib/os-release "$image/etc/os-release"
install -d "$image/var/lib/dpkg/status.d"
for package in "$work/packages"/*.deb; do
  dpkg-deb --field "$package" >"$image/var/lib/dpkg/status.d/$(dpkg-deb --field "$package" Package)"
done
# Licences belong to the files. One archive takes a sixth of their space.
install -d "$image/usr/share/doc"
find usr/share/common-licenses usr/share/doc -name copyright -o -path '*/common-licenses/*' | sort |
  tar --create --files-from - --mtime=@0 --owner=0 --group=0 --numeric-owner |
  gzip --best --no-name >"$image/usr/share/doc/copyright.tar.gz"

# The same packages build the same layer again, so nobody has to fetch it twice.
find "$image" -exec touch --no-dereference --date=@0 {} +
