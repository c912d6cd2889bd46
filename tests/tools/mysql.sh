#!/usr/bin/env bash
# Unpacks Debian's MySQL server, which only the unstable release has, with all its libraries into a folder beside the
# programs of build.sh. It adds a program mysqld that starts the server from there. It installs nothing, and keeps
# what is already there.
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
# A mirror may be an old copy: its lists have then expired, but are still signed.
mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' --include=mysql-server-core sid "$new" "$mirror"
chmod 755 "$new"
cp mysql.sh "$new/"
rm -rf "$root"
mv "$new" "$root"

# The libraries come from another release and need their own loader.
cat >"$target/mysqld.$$" <<'END'
#!/bin/sh
root=$(dirname "$0")/mysql
loader=$(echo "$root"/usr/lib*/ld-linux-*.so.*)
libraries=$(echo "$root"/usr/lib/*-linux-gnu)
# The options with the paths of its files come last, because --no-defaults must be the first one.
exec "$loader" --library-path "$libraries" "$root/usr/sbin/mysqld" "$@" \
  --basedir="$root/usr" --lc-messages-dir="$root/usr/share/mysql"
END
chmod 755 "$target/mysqld.$$"
mv "$target/mysqld.$$" "$target/mysqld"
