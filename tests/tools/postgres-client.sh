#!/usr/bin/env bash
# Unpacks Debian's PostgreSQL clients of a newer version than this release has, with all their libraries, into a folder
# beside the programs of build.sh: postgres-client/bin has pg_dump, pg_restore and psql. It installs nothing, and keeps
# what is already there.
set -eu -o pipefail
cd "$(dirname "$0")"

major=18
suite=forky
target=${DUMP_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/dump-refresh/tools}
root=$target/postgres-client
if [ -x "$root/bin/pg_dump" ] && cmp -s postgres-client.sh "$root/postgres-client.sh"; then
  exit 0
fi
echo "unpacking Debian's clients of PostgreSQL $major into $root (once)"
mkdir -p "$target"
new=$(mktemp -d "$target/postgres-client.XXXXXX")
trap 'rm -rf "$new"' EXIT
mirror=$(apt-get indextargets --format "\$(REPO_URI)" 'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | head -n 1)
# A mirror may be an old copy: its lists have then expired, but are still signed.
mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' --include="postgresql-client-$major" "$suite" "$new" "$mirror"
rm -f "$new/bin" # a link to usr/bin, if it is there
mkdir "$new/bin"
# The libraries come from another release and need their own loader.
for program in pg_dump pg_restore psql; do
  cat >"$new/bin/$program" <<END_OF_PROGRAM
#!/bin/sh
root=\$(dirname "\$(dirname "\$0")")
loader=\$(echo "\$root"/usr/lib*/ld-linux-*.so.*)
libraries=\$(echo "\$root"/usr/lib/*-linux-gnu)
exec "\$loader" --library-path "\$libraries" "\$root/usr/lib/postgresql/$major/bin/$program" "\$@"
END_OF_PROGRAM
  chmod 755 "$new/bin/$program"
done
chmod 755 "$new"
cp postgres-client.sh "$new/"
rm -rf "$root"
mv "$new" "$root"
