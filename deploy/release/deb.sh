#!/usr/bin/env bash
# deb.sh BINARY VERSION ARCHITECTURE FOLDER: makes a Debian package of a binary. The same binary at the same SOURCE_DATE_EPOCH makes the same package.
set -eu -o pipefail
binary=$(realpath "$1") version=${2#v} architecture=$3 folder=$(realpath "$4")
version=${version/-/\~} # 1.0.0~rc1 is older than 1.0.0
cd "$(dirname "$0")/../.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

install -D --mode=755 "$binary" "$root/usr/bin/dump-helper"
for unit in dump-refresh.service dump-refresh.timer dump-refresh-failed.service dump-refresh-watch.service; do
  sed 's|/usr/local/bin/|/usr/bin/|' "deploy/systemd/$unit" | install -D --mode=644 /dev/stdin "$root/usr/lib/systemd/system/$unit"
done
install -D --mode=644 deploy/systemd/dump-refresh.sysusers.conf "$root/usr/lib/sysusers.d/dump-refresh.conf"
documents=$root/usr/share/doc/dump-helper
install -D --mode=644 --target-directory="$documents/examples" deploy/fleet.example.yaml deploy/systemd/often.conf
install --mode=644 LICENSE "$documents/copyright"
gzip --best --no-name <CHANGELOG.md | install --mode=644 /dev/stdin "$documents/changelog.gz"

install -D --mode=755 deploy/release/postinst "$root/DEBIAN/postinst"
cat >"$root/DEBIAN/control" <<CONTROL
Package: dump-helper
Version: $version
Architecture: $architecture
Maintainer: the authors of dump-refresh <noreply@github.com>
Installed-Size: $(du --summarize --block-size=1024 --apparent-size "$root/usr" | cut --fields=1)
Section: database
Priority: optional
Suggests: git, mariadb-client, openssh-client, postgresql-client
Homepage: https://github.com/jobiqo/dump-refresh
Description: keeps database dumps fresh in S3
 Publishes dumps of staging databases in S3, of one project or of a fleet, and
 loads them into local databases. The timer is not enabled: see
 https://github.com/jobiqo/dump-refresh/blob/main/docs/deploy.md
CONTROL
(cd "$root" && find usr -type f -print0 | sort --zero-terminated | xargs --null md5sum) >"$root/DEBIAN/md5sums"
find "$root" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0} dpkg-deb --root-owner-group -Zxz --build "$root" "$folder/dump-helper_${architecture}.deb" >/dev/null
