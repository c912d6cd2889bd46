# Helpers for the tests of the add-on: projects of the real DDEV, and an S3 server beside them.
# Each test file has its own names, derived from the file's name, so that files can run at the same time.
# Tests that make a project each have a name each: DDEV programs that run at once may bring back a project that one of them has just deleted.

set -eu -o pipefail

load_libraries() {
  local prefix
  prefix=$(brew --prefix 2>/dev/null || true)
  export BATS_LIB_PATH="${BATS_LIB_PATH:-}:$prefix/lib:/usr/lib/bats"
  bats_load_library bats-support
  bats_load_library bats-assert
  bats_load_library bats-file
}

# set_names PREFIX: sets the names of everything that a test file creates.
set_names() {
  export DDEV_NONINTERACTIVE=true DDEV_NO_INSTRUMENTATION=true
  export AWS_ACCESS_KEY_ID=tester AWS_SECRET_ACCESS_KEY=tester-secret
  unset AWS_PROFILE AWS_SESSION_TOKEN AWS_CA_BUNDLE
  DIR=$(cd "$(dirname "$BATS_TEST_FILENAME")/.." && pwd)
  NAME=dump-test-$1
  S3=$NAME-s3
  export DIR NAME S3
}

# new_project NAME [FLAG…]: creates a project in a new folder, which becomes the working directory.
new_project() {
  local name=$1
  shift
  mkdir -p "$HOME/tmp"
  cd "$(mktemp -d "$HOME/tmp/$name.XXXXXX")"
  ddev delete --omit-snapshot --yes "$name" >/dev/null 2>&1 || true
  ddev config --project-name="$name" --project-type=php --docroot=web --project-tld=ddev.site "$@" >/dev/null
  mkdir -p web/themes
  touch web/index.php
}

# start_project NAME [FLAG…]: the same, started.
start_project() {
  new_project "$@"
  local output
  output=$(ddev start -y 2>&1) || {
    echo "$output"
    return 1
  }
}

# delete_project NAME
delete_project() {
  local folder
  folder=$(ddev describe --json-output "$1" </dev/null 2>/dev/null | jq -r .raw.approot) || folder=
  ddev delete --omit-snapshot --yes "$1" >/dev/null 2>&1 || true # also if a test has left settings with which nothing can be described
  case $folder in "$HOME/tmp/"*) rm -rf "$folder" ;; esac
  cd "$HOME" # compose takes nothing down from within a folder that is gone
}

# start_s3: starts an S3 server in DDEV's network, with a bucket called dumps. DDEV creates the network with the
# first project.
start_s3() {
  docker rm --force --volumes "$S3" >/dev/null 2>&1 || true
  docker run --detach --name "$S3" --network ddev_default --publish 127.0.0.1::9000 \
    --env MINIO_ROOT_USER="$AWS_ACCESS_KEY_ID" --env MINIO_ROOT_PASSWORD="$AWS_SECRET_ACCESS_KEY" \
    dump-refresh-test-s3 server --quiet /data >/dev/null
  local try
  for try in $(seq 100); do
    if s3 PUT /dumps 2>/dev/null; then
      return
    fi
    sleep 0.1
  done
  echo "the S3 server did not start after $try tries" >&2
  return 1
}

# s3 METHOD PATH [CURL FLAG…]: sends a request to the S3 server.
s3() {
  local method=$1 path=$2
  shift 2
  curl --fail --silent --show-error --output /dev/null --aws-sigv4 aws:amz:us-east-1:s3 \
    --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" --header "x-amz-content-sha256: UNSIGNED-PAYLOAD" --request "$method" "$@" \
    "http://$(docker port "$S3" 9000/tcp)$path"
}

# use_bucket [NAME=VALUE…]: sets the settings of the project in the working directory.
use_bucket() {
  local setting
  for setting in DUMP_S3_BUCKET=dumps "DUMP_S3_ENDPOINT=http://$S3:9000" DUMP_S3_REGION=us-east-1 DUMP_S3_PATH_STYLE=true "$@"; do
    ddev config --web-environment-add="$setting" >/dev/null
  done
}

# bake PROJECT: bakes its newest dump with a throw-away server in a container of its database image. Uses the dump service's
# program, where Docker is. Must run in the project's folder.
bake() {
  local programs
  programs=$(mktemp -d)
  docker cp --quiet "ddev-$1-dump:/dump-helper" "$programs/dump-helper"
  "$programs/dump-helper" bake --for="mariadb:11.8=$(docker container inspect --format '{{.Config.Image}}' "ddev-$1-db")" \
    --set="DUMP_S3_ENDPOINT=http://$(docker port "$S3" 9000/tcp)"
  rm -r "$programs"
}

# make_shop: creates tables with difficult contents in the database of the project in the working directory.
make_shop() {
  ddev mysql -uroot -proot db <"$DIR/tests/data/shop.sql"
}

# checksums PROJECT: prints the server's checksum for each table of a project's database.
checksums() {
  local project=$1 tables
  tables=$(in_database "$project" "SELECT GROUP_CONCAT(CONCAT('\`', table_name, '\`') ORDER BY table_name) FROM information_schema.tables
    WHERE table_schema = 'db' AND table_type = 'BASE TABLE'")
  in_database "$project" "CHECKSUM TABLE $tables"
}

# in_database PROJECT SQL
in_database() {
  docker exec "ddev-$1-db" mysql -uroot -proot --batch --skip-column-names --default-character-set=utf8mb4 db --execute "$2"
}

# watch PROJECT…: adds a neighbour of the database `db` to these projects' servers, and records everything that no pull may touch.
watch() {
  local project tables="CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY REFERENCES parent (id));
    INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (2); CREATE VIEW seen AS SELECT * FROM child"
  for project in "$@"; do
    if is_postgres "$project"; then
      docker exec "ddev-$project-db" psql --username=db --quiet --command="CREATE DATABASE beside" --command="CREATE ROLE other" \
        --command='\connect beside' --command="$tables" db
    else
      in_database "$project" "CREATE DATABASE beside; CREATE USER other IDENTIFIED BY 'other'; GRANT SELECT ON beside.* TO other; USE beside; $tables;
        CREATE TRIGGER kept BEFORE INSERT ON child FOR EACH ROW SET NEW.id = ABS(NEW.id)"
    fi
    beside "$project" >"$BATS_FILE_TMPDIR/$project.beside"
  done
}

# nothing_else_changed: succeeds if everything that is watched is unchanged, on the servers that run.
nothing_else_changed() {
  local file project
  for file in "$BATS_FILE_TMPDIR"/*.beside; do
    project=$(basename "$file" .beside)
    if [ "$(docker container inspect --format '{{.State.Running}}' "ddev-$project-db" 2>/dev/null)" = true ]; then
      diff "$file" <(beside "$project")
    fi
  done
}

# beside PROJECT: prints everything on a project's server except the database `db` and the earlier ones: databases, accounts and
# their privileges, settings.
beside() {
  if is_postgres "$1"; then
    docker exec "ddev-$1-db" psql --username=db --tuples-only --no-align --command="SELECT datname FROM pg_database WHERE datname !~ '^db(_|$)' ORDER BY 1" \
      --command="SELECT name, setting FROM pg_settings ORDER BY 1" db
    docker exec "ddev-$1-db" bash -c "pg_dumpall --username=db --globals-only && pg_dump --username=db beside" | grep -v '^\\\(un\)\?restrict '
  else
    in_database "$1" "SHOW DATABASES WHERE \`Database\` NOT RLIKE '^db(_|$)'; SELECT * FROM mysql.global_priv ORDER BY 1, 2;
      SELECT * FROM mysql.db WHERE db NOT RLIKE '^db(_|$)' ORDER BY 1, 2, 3;
      SELECT variable_name, global_value FROM information_schema.system_variables WHERE global_value IS NOT NULL
        AND variable_name <> 'server_uid' ORDER BY 1" # that one changes with the container's address
    docker exec "ddev-$1-db" mysqldump -uroot -proot --skip-dump-date --routines --events beside
  fi
}

# is_postgres PROJECT
is_postgres() {
  [[ $(docker container inspect --format '{{.Config.Image}}' "ddev-$1-db") == *postgres* ]]
}

# on_terminal COMMAND…: runs a command in a terminal.
on_terminal() {
  if [ "$(uname)" = Darwin ]; then
    script -q /dev/null "$@"
  else
    script --quiet --return --command "$(printf '%q ' "$@")" /dev/null
  fi
}
