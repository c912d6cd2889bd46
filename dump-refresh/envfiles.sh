#!/usr/bin/env bash
#ddev-generated
# DDEV's env files: which of them are for the dump service, and which git must not see.
# service.sh and install.yaml read this file. It must work with Bash 3.2, the version on macOS.

# global_folder: prints the folder for what belongs to all projects.
global_folder() {
  echo "${DDEV_GLOBAL_DIR:-$HOME/.ddev}"
}

# env_files FOLDER: prints the paths of the env files for the dump service in a folder, in the order in which they count: as
# DDEV v1.25.4 sorts .env[.SERVICE[.LABEL…]][.local], each .local file comes after the one that it overrides.
env_files() {
  local file
  for file in "$1"/.env "$1"/.env.*; do
    case ${file##*/} in
      *.example) ;;
      .env | .env.local | .env.dump | .env.dump.*)
        if [ -f "$file" ] && [ -r "$file" ]; then
          printf '%s\t%s\n' "${file%.local}" "$file"
        fi ;;
    esac
  done | LC_ALL=C sort -s -t "$(printf '\t')" -k 1,1 | cut -f 2
}

# print_env FOLDER: prints these files, a line with its path before each.
print_env() {
  local file
  env_files "$1" | while IFS= read -r file; do
    printf '# dump-refresh reads %s\n' "$file"
    cat "$file"
    echo
  done
}

# print_settings: prints all files with settings in the working directory, which is .ddev, those that override others last.
print_settings() {
  cat config.yaml config.*.y*ml 2>/dev/null || true
  print_env "$(global_folder)"
  print_env .
}

# keep_out_of_git: since v1.25.4, DDEV's own .gitignore lists .env.local and .env.*.local; before, it lists no env file. .env.dump can
# have a password in it as well, unless somebody has put it into git on purpose.
keep_out_of_git() {
  local file excluded
  excluded=$(git -C "$DDEV_APPROOT" rev-parse --git-path info/exclude 2>/dev/null) || return 0
  for file in .ddev/.env.local .ddev/.env.dump.local .ddev/.env.dump .ddev/.env.dump-newest .ddev/.env.dump-pulled; do
    if git -C "$DDEV_APPROOT" check-ignore --quiet "$file"; then
      continue
    elif [ -z "$(git -C "$DDEV_APPROOT" ls-files "$file")" ]; then
      (cd "$DDEV_APPROOT" && mkdir -p "$(dirname "$excluded")" && echo "**/$file" >>"$excluded")
    elif [ "$file" != .ddev/.env.dump ]; then
      echo "warning: $file is in git, and so is everything in it" >&2
      echo "hint: run: git rm --cached $file" >&2
    elif grep -Eqs '^[^#]*(PASSWORD|SECRET_ACCESS_KEY|SESSION_TOKEN) *[=:]|^[^#]*://[^/@]*:[^/@]*@' "$DDEV_APPROOT/$file"; then
      echo "warning: $file is in git, and there is a secret in it" >&2
      echo "hint: move the secret to .ddev/.env.dump.local, and replace it: it stays in git's history" >&2
    fi
  done
}
