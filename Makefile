SHELL         := bash
.SHELLFLAGS   := -eu -o pipefail -c
.DEFAULT_GOAL := build

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

SHELL_FILES := $(wildcard .ci/run tests/*.sh tests/*.bash tests/*.bats tests/*/*.sh tests/lab/images/*/*.sh commands/*/* dump-refresh/*.sh deploy/*/*.sh deploy/release/postinst)

.PHONY: help build image fleet-image release test test-fast test-race test-race-fast test-go test-long test-shell test-containers test-ddev test-image reference lint bench bench-table bench-ddev demo fleet-acceptance packages tools clean

help: ## lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# A static binary for this machine.
build: ## compiles bin/dump-helper
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/dump-helper ./helper

# The image of the add-on's dump service for this machine; see docs/image.md. Its name comes from docker-compose.dump.yaml.
# The same commit builds the same image, so the image's date is that of the commit.
IMAGE_TAG ?= $(shell sed -n 's|.*jobiqo/dump-refresh:\([^}]*\)}.*|\1|p' docker-compose.dump.yaml)
# Where the image goes: --load into this machine's Docker engine, --push to the registry.
IMAGE_OUTPUT ?= --load
REVISION  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
image: ## builds the image of the dump service, docs/image.md
	docker buildx build $(IMAGE_OUTPUT) --tag jobiqo/dump-refresh:$(IMAGE_TAG) --file deploy/image/Dockerfile \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
	  --build-arg SOURCE_DATE_EPOCH=$(shell git log -1 --format=%ct 2>/dev/null || echo 0) $(IMAGE_FLAGS) .

# Its base is the image above, of the same version, in the registry.
fleet-image: ## builds the image for CI systems and fleets of repositories
	docker buildx build $(IMAGE_OUTPUT) --tag jobiqo/dump-refresh-fleet:$(IMAGE_TAG) --file deploy/image/fleet.Dockerfile \
	  --build-arg HELPER=jobiqo/dump-refresh:$(IMAGE_TAG) $(IMAGE_FLAGS) deploy/image

# A release is also a Debian package and a Homebrew formula, with the modules that are in each binary; docs/release.md.
release: ## makes the files of a release in dist/, with checksums; needs dpkg-deb
	rm -rf dist && mkdir dist
	for system in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
	  CGO_ENABLED=0 GOOS=$${system%/*} GOARCH=$${system#*/} go build -trimpath -ldflags '$(LDFLAGS)' \
	    -o "dist/dump-helper_$${system%/*}_$${system#*/}" ./helper; \
	done
	for binary in dist/dump-helper_*; do go run ./deploy/release/sbom $$binary $(VERSION) >$$binary.cdx.json; done
	for architecture in amd64 arm64; do \
	  SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 0) \
	    deploy/release/deb.sh dist/dump-helper_linux_$$architecture $(VERSION) $$architecture dist; \
	done
	cd dist && sha256sum dump-helper_* >checksums.txt
	deploy/release/formula.sh $(VERSION) dist/checksums.txt >dist/dump-helper.rb
	cd dist && sha256sum dump-helper.rb >>checksums.txt

# The tests in DDEV and of the image mostly wait for containers, so the Go tests run meanwhile. Each of the three ends with a line
# "N passed, N failed".
# What failed is said once more at the end, where people look first.
test: packages tools lint test-shell ## runs everything, against real servers; needs Debian and root
	@failures=$$(mktemp) && trap 'rm -f "$$failures"' EXIT && \
	  { $(MAKE) --no-print-directory --jobs=2 REPORT="-failures=$$failures" test-containers test-go || { cat "$$failures"; exit 1; }; }

# Packages whose tests start no servers. With -short, they skip tests that take long or need other programs.
SERVERLESS = $$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Imports}} {{.TestImports}} {{.XTestImports}}{{end}}' ./... | \
  grep -v tests/testserver | cut -d ' ' -f 1)

test-fast: ## runs the tests that need no server and no root, in less than a minute
	go test -short ./tests/docs $(SERVERLESS)

# The race detector makes these tests too slow for each change. CI runs them every night.
test-race: packages tools ## runs the program's Go tests with the race detector; needs gcc
	CGO_ENABLED=1 go test -race -count=1 -timeout=60m ./helper/...

# Compression is too slow with the race detector.
test-race-fast: ## the same for packages that need no server and do not compress
	CGO_ENABLED=1 go test -race -short $$(printf '%s\n' $(SERVERLESS) | grep /helper/ | grep -vE '/(dumpfile|zstdfast)$$')

# Packages run in the order in which they are named, one on each core. Those that take longest come first, or one of them would be
# left alone in the end.
LONGEST = ./helper/internal/engine ./helper/internal/mysql/swap ./tests/stories ./helper/internal/mysql/read

# Without symbols, test programs are linked faster. go vet has looked at all packages before.
test-go: ## runs the Go tests, against real servers
	go vet ./...
	go test -json -count=1 -timeout=45m -vet=off -ldflags='-s -w' $(LONGEST) ./... | go run ./tests/report $(REPORT)

test-long: packages tools ## runs the Go tests with more and larger cases, which takes hours
	@tests/tools/mariadb.sh 11.4.5
	DUMP_TEST_LONG=1 go test -json -count=1 -timeout=240m ./... | go run ./tests/report

test-shell: ## checks the shell scripts with shellcheck
	shellcheck --external-sources $(SHELL_FILES)

# Uses the installed DDEV, or sets one up first; see tests/lab.
test-ddev: ## runs the tests of the add-on in the real DDEV
	go run ./tests/lab tests/ddev.sh | go run ./tests/report -tap $(REPORT)

# Generates the tables of docs/reference.md and docs/troubleshooting.md.
reference: ## generates tables in docs/ from the program
	go test ./tests/docs -run TestReferenceHasTheFlags -args -update
	go test ./helper/internal/cli -run "TestTroubleshooting|TestJSONDocument" -args -update

# One after the other: there is one Docker engine.
test-containers: ## runs test-ddev and test-image
	@ddev=0 && { $(MAKE) --no-print-directory test-ddev || ddev=$$?; } && $(MAKE) --no-print-directory test-image && exit $$ddev

# Uses the Docker engine that answers, or starts one first.
test-image: ## builds the image of a fleet, and starts it as CI systems do
	DUMP_TEST_IMAGE=1 go run ./tests/lab -engine go test -json -count=1 ./tests/deploy -run TestFleetImage | go run ./tests/report $(REPORT)

# The rules are in .golangci.yml, including which package may import which.
lint: ## runs golangci-lint
	@tests/tools/build.sh golangci-lint
	"$${DUMP_TEST_TOOLS:-$${XDG_CACHE_HOME:-$$HOME/.cache}/dump-refresh/tools}/golangci-lint" run ./...

# See docs/benchmarks.md.
bench: build ## compares refresh and pull with other tools, on 1 GB
	@tests/packages.sh mariadb-server mariadb-client mydumper postgresql zstd
	@command -v aws >/dev/null || tests/packages.sh awscli
	@tests/tools/build.sh "$${S3:-versitygw}" s5cmd dumpling
	@go build -o bin/bench ./tests/bench
	@tools=$${DUMP_TEST_TOOLS:-$${XDG_CACHE_HOME:-$$HOME/.cache}/dump-refresh/tools} && PATH="$$PWD/bin:$$tools:$$PATH" exec bin/bench

# `make bench BENCH_JSON=docs/benchmarks.json` writes the figures that this target reads.
bench-table: ## writes the tables of docs/benchmarks.md
	go run ./tests/bench table docs/benchmarks.json docs/benchmarks.md

# Pulls as SQL and as tables as files.
bench-ddev: ## compares a pull of 300 MB in DDEV with ddev import-db
	@go build -o bin/drupal-data ./tests/data/cmd/drupal-data
	@dump=$$(mktemp --suffix .sql) && trap 'rm -f "$$dump"' EXIT && bin/drupal-data -mb 300 >"$$dump" && chmod 644 "$$dump" && \
	  go run ./tests/lab tests/bench/ddev.sh "$$dump"

# Starts staging, S3 and a local database on this machine.
demo: build ## shows refresh, list, pull and bake on this machine
	@tests/packages.sh mariadb-server mariadb-client
	@tests/tools/build.sh versitygw
	@go build -o bin/demo ./tests/demo && exec bin/demo

# FLEET='-projects 12 -largest 20' makes it smaller.
fleet-acceptance: build ## publishes and pulls a fleet of 60 projects, some of them broken or hostile
	@tests/packages.sh mariadb-server mariadb-client postgresql
	@tests/tools/build.sh minio
	@go build -o bin/fleet ./tests/fleet && exec bin/fleet $${FLEET:-}

# Asks for root's rights only if a package is missing.
packages: ## installs the Debian packages that tests need
	@tests/packages.sh mariadb-server mariadb-client postgresql postgresql-postgis postgresql-15-cron openssh-server openssh-client \
	  zstd xz-utils bzip2 shellcheck systemd sudo ansible-lint chromium prometheus mmdebstrap maven unzip pgbouncer jq minisign
	@command -v npm >/dev/null || tests/packages.sh npm # Node's own packages have it, too, and exclude Debian's

# Compiles the Go modules in tests/tools, and unpacks what this release of Debian lacks: a MySQL server, PostgreSQL's newest clients,
# an old MariaDB, which Maven has, and PostgreSQL's other versions, which npm has.
tools: ## builds the test tools that Debian does not have
	@tests/tools/build.sh ddev golangci-lint minio versitygw actionlint kustomize kubernetes-types
	@tests/tools/mysql.sh
	@tests/tools/mariadb.sh 10.2.11
	@tests/tools/postgres.sh 10 11 12 13 14 15 16 17 18
	@tests/tools/postgres-client.sh

clean: ## removes bin and dist
	rm -rf bin dist
