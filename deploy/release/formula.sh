#!/usr/bin/env bash
# formula.sh VERSION CHECKSUMS: writes the Homebrew formula of a release, with the checksums of its binaries.
set -eu -o pipefail
version=${1#v} checksums=$2
from=https://github.com/jobiqo/dump-refresh/releases/download/v$version

digest() { awk -v name="dump-helper_$1" '$2 == name { print $1; found = 1 } END { exit !found }' "$checksums"; }
binary() {
  cat <<RUBY
    on_$2 do
      url "$from/dump-helper_$1"
      sha256 "$(digest "$1")"
    end
RUBY
}
# A missing checksum must end this: within the text it would not.
for system in darwin_arm64 darwin_amd64 linux_arm64 linux_amd64; do digest "$system" >/dev/null; done

cat <<RUBY
class DumpHelper < Formula
  desc "Keeps database dumps fresh in S3 and loads them into local databases"
  homepage "https://github.com/jobiqo/dump-refresh"
  version "$version"
  license "Apache-2.0"

  on_macos do
$(binary darwin_arm64 arm)
$(binary darwin_amd64 intel)
  end

  on_linux do
$(binary linux_arm64 arm)
$(binary linux_amd64 intel)
  end

  def install
    bin.install Dir["dump-helper_*"].first => "dump-helper"
  end

  test do
    assert_match "v#{version}", shell_output("#{bin}/dump-helper version")
  end
end
RUBY
