#!/usr/bin/env bash
# Unpacks Debian's MySQL server, which only its unstable release has, with all libraries that it needs into a
# folder beside the programs that build.sh makes, and a program mysqld that starts it from there. Nothing is
# installed, and what is there already stays.
set -eu -o pipefail
cd "$(dirname "$0")"

target=${DUMP_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/dump-refresh/tools}
root=$target/mysql
if [ -x "$target/mysqld" ] && cmp -s mysql.sh "$root/mysql.sh"; then
  exit 0
fi
echo "unpacking Debian's MySQL into $root (once)"
mkdir -p "$target"
new=$(mktemp -d "$target/mysql.XXXXXX")
trap 'rm -rf "$new"' EXIT
mirror=$(apt-get indextargets --format "\$(REPO_URI)" 'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | head -n 1)
# A mirror may be a copy of some day: then its lists have expired, and are signed all the same.
mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' --include=mysql-server-core sid "$new" "$mirror"
chmod 755 "$new"
cp mysql.sh "$new/"
rm -rf "$root"
mv "$new" "$root"

# The libraries are another release's: they need their own loader.
cat >"$target/mysqld.$$" <<'END'
#!/bin/sh
root=$(dirname "$0")/mysql
loader=$(echo "$root"/usr/lib*/ld-linux-*.so.*)
libraries=$(echo "$root"/usr/lib/*-linux-gnu)
# The options that say where its files are come last, for it takes --no-defaults only as the first.
exec "$loader" --library-path "$libraries" "$root/usr/sbin/mysqld" "$@" \
  --basedir="$root/usr" --lc-messages-dir="$root/usr/share/mysql"
END
chmod 755 "$target/mysqld.$$"
mv "$target/mysqld.$$" "$target/mysqld"
