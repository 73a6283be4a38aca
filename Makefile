# Every target does all the set-up that it needs. GOFLAGS is fixed here: switching -trimpath rebuilds everything.
SHELL        := /bin/bash
export GOFLAGS     := -trimpath
export GOTOOLCHAIN := local
export GOWORK      := off

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
TOOL     := go tool -modfile=.ci/tools/go.mod
EVERY    := $(patsubst plugins/%/main.go,%,$(wildcard plugins/*/*/main.go))
# Plugins that link C++ are built where a C++ compiler is, for its own platform only.
CGO      := $(filter service/duckdb,$(EVERY))
PLUGINS  := $(filter-out $(CGO),$(EVERY))
EXAMPLES := $(patsubst %/go.mod,%,$(wildcard examples/*/go.mod))
BINARIES := bin/broker $(foreach p,$(PLUGINS),bin/broker-$(subst /,-,$(p)))
# On Linux analyst is linked whole, where the C library allows it: it starts in half the time and runs where no C++ library is.
# It loads no extensions, so nothing is lost; names are looked up by Go's own resolver.
WHOLE    := -tags netgo,osusergo -ldflags '$(LDFLAGS) -extldflags "-static"'
PACKAGES ?= ./...
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.DEFAULT_GOAL := help
.PHONY: compiler help build demo test race lint fmt fmt-check generate check bench bench-smoke fuzz cover dist vuln clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build every binary into bin/
	@mkdir -p bin
	@CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o bin/broker ./host/broker
	@for l in add-analyst list-analysts remove-analyst; do ln -sf broker bin/$$l || exit 1; done
	@for p in $(PLUGINS); do CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o bin/broker-$${p//\//-} ./plugins/$$p || exit 1; done
	@for p in $(CGO); do if command -v g++ >/dev/null 2>&1; then CGO_ENABLED=1 go build -ldflags '$(LDFLAGS)' -o bin/broker-$${p//\//-} ./plugins/$$p || exit 1; \
	  else rm -f bin/broker-$${p//\//-}; echo "broker-$${p//\//-}: not built: it needs a C++ compiler (g++); broker works without it, but answers no queries"; fi; done
	@if command -v g++ >/dev/null 2>&1; then { [ "$$(go env GOOS)" = linux ] && CGO_ENABLED=1 go build $(WHOLE) -o bin/analyst ./web/analyst 2>/dev/null; } || \
	  CGO_ENABLED=1 go build -ldflags '$(LDFLAGS)' -o bin/analyst ./web/analyst || exit 1; \
	  else CGO_ENABLED=0 go build -tags lite -ldflags '$(LDFLAGS)' -o bin/analyst ./web/analyst || exit 1; \
	  echo "bin/analyst is built without DuckDB inside (no C++ compiler, g++): it uses a duckdb program on PATH"; fi
	@rm -rf bin/download && mkdir bin/download && lite=; bin/analyst version --json | grep -q '"duckdb": "linked"' || lite=-lite; \
	  ln bin/analyst bin/download/analyst$$lite-$$(go env GOOS)-$$(go env GOARCH)$$(go env GOEXE) # what /download/ hands out
	@for e in $(EXAMPLES); do (cd $$e && CGO_ENABLED=0 go build -o ../../bin/examples/broker-$${e#examples/} .) || exit 1; done

demo: build ## a whole instance from nothing in ./demo: build, sync, show how to query it
	@bin/broker demo --dir demo --no-serve

test: compiler build ## the whole suite
	go test -timeout 20m $$(go list ./... | grep -v /broker/test/)
	go test -count=1 -timeout 20m ./test/... # they run binaries, whose sources the cache of results does not know
	@for e in $(EXAMPLES); do echo "$$e"; (cd $$e && go vet ./... && go test ./...) || exit 1; done

race: compiler ## every room under the race detector; the black-box tests of test/ run plain binaries, so they are left to "make test"
	go test -race -timeout 30m $$(go list ./... | grep -v /broker/test/)

compiler: # the tests read what was published with DuckDB, which is C++
	@command -v g++ >/dev/null 2>&1 || { echo "installing g++ for the DuckDB that tests compare with"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends g++; } || \
	  { echo "a C++ compiler (g++) is needed and cannot be installed here; install it and try again"; exit 1; }

check: ## floor plan and budgets alone
	go test -count=1 ./test/arch

lint: ## golangci-lint on the module and the examples
	$(TOOL) golangci-lint run $(PACKAGES)
	@for e in $(EXAMPLES); do (cd $$e && go vet ./...) || exit 1; done

fmt: ## format the code
	gofmt -w $$(git ls-files -- '*.go' | grep -v '\.pb\.go$$')

fmt-check:
	@out=$$(gofmt -l $$(git ls-files -- '*.go')); [ -z "$$out" ] || { echo "run make fmt:"; echo "$$out"; exit 1; }

generate: ## regenerate the wire code from sdk/proto
	cd sdk/proto && $$(go tool -n -modfile=../../.ci/tools/go.mod buf) generate

bench: compiler build ## CSV → Parquet against DuckDB, transport against memcpy, pull against rsync; writes docs/performance.md
	go run ./test/bench -rows $${ROWS:-1000000,5000000} -write docs/performance.md
	go run ./test/bench/pull -write docs/performance.md
	go run ./test/bench/portal -write docs/performance.md

bench-smoke: compiler build # the same on a small file, nothing written
	go run ./test/bench -rows $${ROWS:-200000} -rounds 1
	go run ./test/bench/pull -rows 100000 -days 50 -people 10 -rounds 1
	go run ./test/bench/portal -tables 30 -users 50 -connections 20 -burst 20 -span 4s -think 1s

fuzz: ## every fuzz target for FUZZTIME each (default 30s)
	@.ci/fuzz $${FUZZTIME:-30s}

cover: compiler ## coverage.out: unit tests and the instrumented binaries together
	@.ci/cover

dist: ## binaries for six platforms with checksums, in dist/
	@rm -rf dist && mkdir -p dist/download
	@for t in $(PLATFORMS); do \
	  os=$${t%/*}; arch=$${t#*/}; ext=; [ $$os = windows ] && ext=.exe; \
	  GOOS=$$os GOARCH=$$arch CGO_ENABLED=0 go build -tags lite -ldflags '$(LDFLAGS)' -o dist/download/analyst-lite-$$os-$$arch$$ext ./web/analyst || exit 1; \
	done
	@for t in $(PLATFORMS); do \
	  os=$${t%/*}; arch=$${t#*/}; ext=; [ $$os = windows ] && ext=.exe; out=dist/broker-$(VERSION)-$$os-$$arch; mkdir -p $$out/download; \
	  echo $$t; \
	  GOOS=$$os GOARCH=$$arch CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o $$out/broker$$ext ./host/broker || exit 1; \
	  ln dist/download/* $$out/download/ && ln dist/download/analyst-lite-$$os-$$arch$$ext $$out/analyst-lite$$ext || exit 1; \
	  if [ $$t = $$(go env GOHOSTOS)/$$(go env GOHOSTARCH) ] && command -v g++ >/dev/null 2>&1; then \
	    { { [ $$os = linux ] && CGO_ENABLED=1 go build $(WHOLE) -o $$out/analyst$$ext ./web/analyst 2>/dev/null; } || \
	      CGO_ENABLED=1 go build -ldflags '$(LDFLAGS)' -o $$out/analyst$$ext ./web/analyst; } && ln $$out/analyst$$ext $$out/download/analyst-$$os-$$arch$$ext || exit 1; \
	  else echo "  analyst: left out: it links DuckDB and is built on its own platform; analyst-lite is there"; fi; \
	  for p in $(PLUGINS); do GOOS=$$os GOARCH=$$arch CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o $$out/broker-$${p//\//-}$$ext ./plugins/$$p || exit 1; done; \
	  for p in $(CGO); do if [ $$t = $$(go env GOHOSTOS)/$$(go env GOHOSTARCH) ] && command -v g++ >/dev/null 2>&1; then \
	    CGO_ENABLED=1 go build -ldflags '$(LDFLAGS)' -o $$out/broker-$${p//\//-}$$ext ./plugins/$$p || exit 1; \
	  else echo "  broker-$${p//\//-}: left out: it links C++ and is built on its own platform, where a C++ compiler is"; fi; done; \
	done
	@rm -rf dist/download
	@cd dist && find . -type f ! -name SHA256SUMS | sort | xargs sha256sum > SHA256SUMS && cat SHA256SUMS

vuln: ## known holes in what we link; needs VULNDB=file:///path
	@if [ -n "$$VULNDB" ]; then go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -db "$$VULNDB" ./...; else echo "vuln: skipped: no database (set VULNDB)"; fi

clean: ## remove what the targets made
	rm -rf bin dist demo coverage.out
