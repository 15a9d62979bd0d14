# The commands of this repository. `make help` lists them.
#
# Everything runs on a fresh Linux machine with Go, make and git; fixtures that
# need a C compiler are skipped loudly without one.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

MODULES := . safedump fixtures

.PHONY: help build demo test postgres redmine promises check lint matrix bench cores clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

build: ## build bin/sdcore
	go build -o bin/sdcore ./cmd/sdcore

demo: build ## crash a program for real, analyze its core, print the report
	@scripts/demo.sh

cores: ## build the fixtures and take their cores
	scripts/gen-cores.sh

test: cores ## all tests of all modules, on real cores (under 5 minutes)
	SDCORE_REQUIRE_CORES=1 go test ./...
	cd safedump && go test ./...
	cd fixtures && go test ./...

postgres: cores ## the index on a PostgreSQL server of its own, which it installs where it may
	SDCORE_REQUIRE_CORES=1 scripts/postgres-test.sh

redmine: ## sdcore attach on a real Redmine, which it installs where it may (under 3 minutes)
	scripts/redmine-test.sh

promises: ## the helper's promises in full: 1 000 captures, 100 crashes (some 3 minutes)
	cd safedump && go test -count=1 -v -run ManyCaptures ./internal/capturetest -captures 1000
	cd safedump && go test -count=1 -v -run ManyCrashes ./internal/monitor -crashes 100

check: ## build, vet and the tests that need no core (under a minute)
	@for m in $(MODULES); do (cd $$m && go build ./... && go vet ./...); done
	go test -short ./...
	cd safedump && go test -short ./...

lint: ## gofmt, go vet, staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt needed:"; echo "$$out"; exit 1; fi
	@for m in $(MODULES); do echo "vet $$m"; (cd $$m && go vet ./...); done
	go tool staticcheck ./...
	@go build -o bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	cd safedump && ../bin/staticcheck ./...
	cd fixtures && ../bin/staticcheck ./...

matrix: ## the same cores from other Go versions, damaged and cut ones (under 20 minutes)
	scripts/matrix.sh

bench: build ## time sdcore beside dlv and viewcore
	scripts/bench.sh

clean: ## remove what was built
	rm -rf bin fixtures/cores
