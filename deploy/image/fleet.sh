#!/usr/bin/env bash
# Installs what the image for runners has: fleet.sh, in a container of Debian.
set -eu -o pipefail
postgres=18
newer=forky

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends ca-certificates git openssh-client mariadb-client
mirror=$(apt-get indextargets --format "\$(REPO_URI)" 'Origin: Debian' 'Label: Debian' 'Created-By: Packages' | head -n 1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $newer main" >/etc/apt/sources.list.d/newer.list
printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "$newer" >/etc/apt/preferences.d/newer
apt-get update -o Acquire::Check-Valid-Until=false
# Nothing of the newer release but these two, and what they cannot do without.
apt-get install --yes --no-install-recommends "postgresql-client-$postgres/$newer" "libpq5/$newer"
ln -s "/usr/lib/postgresql/$postgres/bin/pg_dump" /usr/local/bin/pg_dump # not the wrapper for several versions
rm -rf /var/lib/apt/lists/* /etc/apt/sources.list.d/newer.list /etc/apt/preferences.d/newer

# ssh needs an account. 1000 and 1001 are the users of Jenkins's and GitHub's agents, which start containers as themselves.
for user in dump:65532 jenkins:1000 runner:1001; do
  useradd --uid "${user#*:}" --home-dir /tmp --no-create-home --shell /bin/sh "${user%:*}"
done
