# Every target says in one line what it shows. Go alone is enough for `make demo` and `make build`.
GO ?= go
# SQLite without cgo is C turned into Go: under the race detector it takes half of all tests' time and could only find races of its own.
RACE := -race -gcflags='modernc.org/...=-race=false -dwarf=false'
UI := cloud/internal/web/ui
.PHONY: help demo test check bench prove sessions fuzz e2e shots web build proto

help: ## lists the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: ## a simulated compound, its gateway and the cloud on loopback: an overcharge and a gas leak within a minute
	@$(GO) run ./firmware-sim demo

# Many packages wait for servers and lines rather than compute: four at a time keep two cores busy. The longest begin first, so that
# none of them is left alone at the end. What several of them build, the programs as shipped, is compiled once, before them. A race
# detector sleeps for a second at the end of each program for goroutines that still run: here no test leaves one behind. Vet and the
# tests of layout, which run nothing, are a part of make check.
LONGEST := ./firmware-sim/e2e ./gateway/internal/uplink ./cloud/app ./drivers/rtsp ./gateway ./gateway/internal/outbox ./gateway/app
test: ## all tests, with real brokers, stores, devices, cameras and a browser; installs what is missing on Debian as root
	@.ci/packages
	CGO_ENABLED=0 $(GO) list -export -deps ./firmware-sim ./gateway ./cloud ./drivers/rtsp/driver-rtsp ./drivers/sdk/example >/dev/null
	GORACE=atexit_sleep_ms=20 $(GO) test $(RACE) -vet=off -p 4 -timeout 20m $(LONGEST) $$($(GO) list ./... | grep -v e2e/layout)
	@.ci/web-test

check: ## format, vet, staticcheck, tidy, layering, and that the built web files are those of the sources
	@.ci/check

bench: ## speed and memory, one JSON line a figure; ONLY=name for one
	@$(GO) run ./firmware-sim/e2e/bench $(if $(ONLY),-only $(ONLY))

# As the programs are built, without cgo: what their builds have compiled is used again.
prove: ## the promises under kill -9, power cuts, bad disks, brokers and networks, one JSON line a proof; ONLY=name, LONG=1 for the large numbers, SEED=n to repeat one
	@CGO_ENABLED=0 $(GO) run ./firmware-sim/e2e/prove $(if $(ONLY),-only $(ONLY)) $(if $(LONG),-long) $(if $(SEED),-seed $(SEED))

sessions: ## charges of all presets and faults through the rules: detected, missed, false by class; N=sessions, SEED=n
	@$(GO) run ./firmware-sim/e2e/sessions $(if $(N),-n $(N)) $(if $(SEED),-seed $(SEED))

fuzz: ## every parser, 10 s each; FUZZTIME=60s for longer
	@.ci/fuzz

e2e: ## the demo in a real browser: an alert is taken, closed, and a lost connection heals
	$(GO) test $(RACE) -count=1 -timeout 10m ./firmware-sim/e2e

shots: ## screenshots of every page at 390, 1280 and 1920 px, zh and en, light and dark, into out/shots; ONLY=todo,390,zh for some
	@LINSHAO_SHOTS=$(CURDIR)/out/shots $(GO) test -count=1 -timeout 10m -run TestFirstMinute ./firmware-sim/e2e

web: ## builds the web files from their sources (needs node >= 20.19)
	cd $(UI) && npm ci --silent && npm run build

build: ## the four programs for amd64, arm64 and armv7 into bin/, without cgo; VERSION=1.4.0 for a release
	@.ci/build

proto: ## the Go files of the .proto files (needs protoc, protoc-gen-go, protoc-gen-go-grpc)
	@.ci/proto
