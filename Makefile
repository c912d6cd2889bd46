SHELL         := bash
.SHELLFLAGS   := -eu -o pipefail -c
.DEFAULT_GOAL := build

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

SHELL_FILES := $(wildcard .ci/run tests/*.sh tests/*.bash tests/*.bats tests/*/*.sh tests/lab/images/*/*.sh commands/*/* dump-refresh/*.sh deploy/*/*.sh)

.PHONY: help build image release test test-fast test-race test-race-fast test-go test-shell test-ddev reference lint bench bench-table bench-ddev demo fleet-acceptance packages tools clean

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# Static, for this machine.
build: ## compiles bin/dump-helper
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/dump-helper ./helper

# The image of the add-on's dump service for this machine; see docs/image.md. docker-compose.dump.yaml, which
# asks for it, says what it is called. The same commit makes the same image: so it is as old as its commit.
IMAGE_TAG ?= $(shell sed -n 's|.*jobiqo/dump-refresh:\([^}]*\)}.*|\1|p' docker-compose.dump.yaml)
# Where it goes: into this machine's engine, or by --push to the registry.
IMAGE_OUTPUT ?= --load
REVISION  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
image: ## builds the image of the dump service, docs/image.md
	docker buildx build $(IMAGE_OUTPUT) --tag jobiqo/dump-refresh:$(IMAGE_TAG) --file deploy/image/Dockerfile \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
	  --build-arg SOURCE_DATE_EPOCH=$(shell git log -1 --format=%ct 2>/dev/null || echo 0) $(IMAGE_FLAGS) .

release: ## compiles the program for all systems, with checksums, into dist/
	rm -rf dist && mkdir dist
	for system in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
	  CGO_ENABLED=0 GOOS=$${system%/*} GOARCH=$${system#*/} go build -trimpath -ldflags '$(LDFLAGS)' \
	    -o "dist/dump-helper_$${system%/*}_$${system#*/}" ./helper; \
	done
	cd dist && sha256sum dump-helper_* >checksums.txt

# The last line counts the Go tests.
test: packages tools lint test-shell test-ddev test-go ## runs everything, against real servers; needs Debian and root

# Packages that start no servers; their tests skip what takes long or needs more programs.
SERVERLESS = $$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Imports}} {{.TestImports}} {{.XTestImports}}{{end}}' ./... | \
  grep -v tests/testserver | cut -d ' ' -f 1)

test-fast: ## runs the tests that need no server and no root, in less than a minute
	go test -short ./tests/docs $(SERVERLESS)

# Everything with the race detector takes too long for each change: CI does it every night. Compression is left to that run, too.
test-race: packages tools ## runs the Go tests of the program with the race detector, needs gcc
	CGO_ENABLED=1 go test -race -count=1 -timeout=60m ./helper/...

test-race-fast: ## runs with the race detector what needs no server and does not compress
	CGO_ENABLED=1 go test -race -short $$(printf '%s\n' $(SERVERLESS) | grep /helper/ | grep -vE '/(dumpfile|zstdfast)$$')

test-go: ## runs the Go tests, against real servers
	go vet ./...
	go test -json -count=1 -timeout=20m ./... | go run ./tests/report

test-shell: ## runs shellcheck
	shellcheck --external-sources $(SHELL_FILES)

# The add-on in the real DDEV, which is set up first where there is none; see tests/lab.
test-ddev: ## runs the tests of the add-on in the real DDEV
	go run ./tests/lab tests/ddev.sh | go run ./tests/report -tap

# Writes the tables of docs/reference.md and docs/troubleshooting.md that come from the program.
reference: ## writes the generated tables of the documents
	go test ./tests/docs -run TestReferenceHasTheFlags -args -update
	go test ./helper/internal/cli -run TestTroubleshooting -args -update

# The rules of .golangci.yml, among them which package may import which.
lint: ## runs golangci-lint
	@tests/tools/build.sh golangci-lint
	"$${DUMP_TEST_TOOLS:-$${XDG_CACHE_HOME:-$$HOME/.cache}/dump-refresh/tools}/golangci-lint" run ./...

# What a refresh and a pull cost beside everything else that one could use; see docs/benchmarks.md.
bench: build ## measures refresh and pull beside other tools, on 1 GB
	@tests/packages.sh mariadb-server mariadb-client mydumper postgresql zstd
	@command -v aws >/dev/null || tests/packages.sh awscli
	@tests/tools/build.sh "$${S3:-versitygw}" s5cmd dumpling
	@go build -o bin/bench ./tests/bench
	@tools=$${DUMP_TEST_TOOLS:-$${XDG_CACHE_HOME:-$$HOME/.cache}/dump-refresh/tools} && PATH="$$PWD/bin:$$tools:$$PATH" exec bin/bench

# Writes the figures of docs/benchmarks.json, which `make bench BENCH_JSON=docs/benchmarks.json` leaves, into
# docs/benchmarks.md.
bench-table: ## writes docs/benchmarks.md
	go run ./tests/bench table docs/benchmarks.json docs/benchmarks.md

# How long a pull of 300 MB of SQL takes in the real DDEV, as SQL and as files, beside `ddev import-db --file`.
bench-ddev: ## measures a pull of 300 MB in DDEV beside ddev import-db
	@go build -o bin/drupal-data ./tests/data/cmd/drupal-data
	@dump=$$(mktemp --suffix .sql) && trap 'rm -f "$$dump"' EXIT && bin/drupal-data -mb 300 >"$$dump" && chmod 644 "$$dump" && \
	  go run ./tests/lab tests/bench/ddev.sh "$$dump"

# Staging, S3 and a local database on this machine; a refresh and a pull.
demo: build ## shows refresh, list, pull and bake on this machine
	@tests/packages.sh mariadb-server mariadb-client
	@tests/tools/build.sh versitygw
	@go build -o bin/demo ./tests/demo && exec bin/demo

# A fleet of 60 projects on this machine, some of them broken; smaller with FLEET='-projects 12 -largest 20'.
fleet-acceptance: build ## publishes and pulls a fleet of 60 projects, some of them broken
	@tests/packages.sh mariadb-server mariadb-client postgresql
	@tests/tools/build.sh minio
	@go build -o bin/fleet ./tests/fleet && exec bin/fleet $${FLEET:-}

# The Debian packages that tests need; asks for rights only if one is missing.
packages: ## installs the Debian packages that tests need
	@tests/packages.sh mariadb-server mariadb-client postgresql openssh-server openssh-client \
	  zstd xz-utils bzip2 shellcheck systemd sudo ansible-lint chromium prometheus mmdebstrap

# The programs that tests need and that cannot be installed: those that Debian does not have, from the Go modules in
# tests/tools, and the MySQL server, which it has in its unstable release alone.
tools: ## builds the test tools that Debian does not have
	@tests/tools/build.sh ddev golangci-lint minio versitygw actionlint kustomize kubernetes-types
	@tests/tools/mysql.sh

clean: ## removes bin and dist
	rm -rf bin dist
