#!/usr/bin/env bash
# Measures the image's size, its build time and what a container of it costs, compared with a naive
# Dockerfile: measure.sh [RUNS]. It prints the tables of docs/image.md. It needs a Docker engine on this machine and some
# minutes for each run. It works on a copy of the checkout and with its own caches, which it removes.
set -eu -o pipefail
cd "$(dirname "$0")/../.."

runs=${1:-3}
mark=dump-refresh-measure-$$
work=$(mktemp -d)
seconds=$work/seconds # one file for each figure, one line for each run
mkdir "$work/source" "$seconds"
git ls-files -z --cached --others --exclude-standard --deduplicate |
  tar --create --null --files-from - --ignore-failed-read 2>/dev/null | tar --extract --directory "$work/source"

clean_up() {
  rm -rf "$work"
  docker rm --force "$mark" >/dev/null 2>&1 || true
  docker image rm "$mark:ours" "$mark:naive" >/dev/null 2>&1 || true
  # A record can only be removed when no other builds on it.
  for _ in {1..6}; do
    marked_records | xargs --no-run-if-empty --replace docker buildx prune --all --force --filter id={} >/dev/null
  done
}

# The build cache records whose description has the mark, and those that build on them.
marked_records() {
  docker buildx du --verbose | awk -v mark="$mark" '
    BEGIN { RS = "" }
    { id[NR] = $2; record[NR] = $0 }
    index($0, mark) { ours[$2] }
    END {
      do {
        more = 0
        for (n = 1; n <= NR; n++)
          for (parent in ours)
            if (!(id[n] in ours) && index(record[n], "- " parent)) { ours[id[n]]; more = 1; break }
      } while (more)
      for (n = 1; n <= NR; n++) if (id[n] in ours) print id[n]
    }'
}
trap clean_up EXIT

cat >"$work/naive" <<END
FROM golang:1.26-trixie
RUN apt-get update && apt-get install -y mariadb-client postgresql-client # $mark
COPY . /$mark
WORKDIR /$mark
RUN go build -o /usr/local/bin/dump-helper ./helper # $mark
CMD ["sleep", "infinity"]
END
echo >"$work/naive.dockerignore" # the naive build has none

# build KIND FIGURE [FLAG…]: builds, and records how long that took.
build() {
  local kind=$1 figure=$2 from=$EPOCHREALTIME
  shift 2
  docker buildx build --quiet --load --tag "$mark:$kind" --file "$work/$kind" "$@" "$work/source" >/dev/null
  note "$kind-$figure" "$from"
}

# note FIGURE FROM: records the seconds since FROM.
note() { awk -v from="$2" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", to - from }' >>"$seconds/$1"; }

# median FIGURE
median() {
  sort --numeric-sort "$seconds/$1" | awk '
    { value[NR] = $1 }
    END { middle = value[int((NR + 1) / 2)]; printf middle < 10 ? "%.2f s" : "%.0f s", middle }'
}

change_a_line() { sed -i "s/print the version.*\"/print the version, $1\"/" "$work/source/helper/internal/cli/version.go"; }

for run in $(seq "$runs"); do
  echo "run $run of $runs" >&2
  # Every run starts with empty caches.
  sed -e "s/id=dump-refresh-/id=$mark-$run-/" -e "s/version=\$VERSION\"/version=$mark\"/" -e "s| /image| /$mark|" \
    deploy/image/Dockerfile >"$work/ours"
  for kind in ours naive; do
    build "$kind" cold --no-cache
    change_a_line "$kind $run"
    build "$kind" changed
    build "$kind" unchanged
  done
done

# container KIND: measures how long a container takes to start and to stop.
container() {
  local from
  docker create --name "$mark" "$mark:$1" >/dev/null
  from=$EPOCHREALTIME && docker start "$mark" >/dev/null && note "$1-start" "$from"
  from=$EPOCHREALTIME && docker stop "$mark" >/dev/null && note "$1-stop" "$from"
  docker rm "$mark" >/dev/null
}
for run in $(seq "$runs"); do
  container ours
  container naive
done

# The CPU time of all threads of a process, in milliseconds.
processor_time() { awk '{ sum += $1 } END { printf "%.1f", sum / 1e6 }' /proc/"$1"/task/*/schedstat; }

docker run --detach --name "$mark" "$mark:ours" >/dev/null
sleep 1
process=$(docker inspect --format '{{.State.Pid}}' "$mark")
before=$(processor_time "$process")
sleep 60
after=$(processor_time "$process")
memory=$(docker stats --no-stream --format '{{.MemUsage}}' "$mark")
docker rm --force "$mark" >/dev/null

size() { docker image inspect --format '{{.Size}}' "$mark:$1" | awk '{ printf "%.1f MB", $1 / 1e6 }'; }
download() { docker save "$mark:$1" | gzip | wc --bytes | awk '{ printf "%.1f MB", $1 / 1e6 }'; }

cat <<END
$(nproc) cores, Docker $(docker version --format '{{.Server.Version}}'), medians of $runs

| | this image | naive |
|---|--:|--:|
| size | $(size ours) | $(size naive) |
| size, compressed | $(download ours) | $(download naive) |
| build, nothing cached | $(median ours-cold) | $(median naive-cold) |
| build after a change of one line | $(median ours-changed) | $(median naive-changed) |
| build without a change | $(median ours-unchanged) | $(median naive-unchanged) |
| start of a container | $(median ours-start) | $(median naive-start) |
| stop of a container | $(median ours-stop) | $(median naive-stop) |

Idle: ${memory%% /*} of memory, $(awk -v a="$before" -v b="$after" 'BEGIN { printf "%.1f", b - a }') ms of processor time in 60 s.

| part | size |
|---|--:|
END
docker create --name "$mark" "$mark:ours" >/dev/null
docker export "$mark" | tar --list --verbose | awk '
  $3 == 0 { next }
  { part = "the rest" }
  $6 ~ /^dump-helper/ { part = "dump-helper" }
  $6 ~ /mariadb/ { part = "mariadb-dump and its ways to log in" }
  $6 ~ /pg_dump|libpq/ { part = "pg_dump, libpq" }
  $6 ~ /\/dash|stdbuf/ { part = "dash, stdbuf" }
  $6 ~ /-linux-gnu\/(lib|ld-)[^\/]*$/ && $6 !~ /libpq/ { part = "C and C++ libraries, compression" }
  $6 ~ /lib(ssl|crypto)/ { part = "OpenSSL" }
  $6 ~ /lib(krb5|gssapi|k5crypto|com_err|keyutils|ldap|lber|sasl2|resolv)/ { part = "Kerberos and LDAP" }
  $6 ~ /ca-certificates/ { part = "certificates" }
  $6 ~ /copyright/ { part = "licences" }
  { size[part] += $3 }
  END { for (part in size) printf "| %s | %.2f MB |\n", part, size[part] / 1e6 }' |
  sort --field-separator='|' --key=3 --numeric-sort --reverse
