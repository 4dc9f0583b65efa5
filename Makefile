# What a developer runs. CI runs .ci/run, which calls the same commands.

GO ?= go
# How long each fuzz target runs, how many seeds the simulator takes, how many histories Porcupine, and what benchmarks are compared,
# and how many crashes of the engine are gone through.
FUZZTIME ?= 30s
SEEDS ?= 10000
FOR ?= 30m
FROM ?= 0
DEPTH ?= 2
MUTANTSEEDS ?= 3000
HISTORIES ?= 100
ROUNDS ?= 1000
BENCH ?= .
COUNT ?= 8
REF ?= main
ENTRIES ?= 5000000
WORK := .work
# The binary as it is released and as the image has it: static, without symbols.
RELEASE := CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w'

.PHONY: build test race crash foreign lint fuzz sim sim-long sim-mutants model porcupine conformance deploy-check image-check oracle bench bench-compare bench-ceiling bench-engine bench-miss bench-memory bench-hitratio bench-stream

build: ## the binary, ./millrace
	$(RELEASE) -o millrace ./cmd/millrace

test: ## all tests; no network, no Docker
	$(GO) test ./...

crash: ## ROUNDS crashes at every operation of the disk, 100 histories of transactions, 50 times kill -9
	$(GO) test -count=1 -v -timeout 60m -run 'InACrash|AfterACrash|AreSerializable' ./backend/engine -crash-rounds $(ROUNDS) -append-runs 100
	$(GO) test -count=1 -v -timeout 10m -run KillLosesNo ./cmd/millrace -kill-rounds 50

race: ## all tests under the race detector
	$(GO) test -race ./...

lint: ## gofmt, go vet and golangci-lint
	@unformatted="$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go'))"; \
	  if [ -n "$$unformatted" ]; then echo "not gofmt-ed:" $$unformatted; exit 1; fi
	$(GO) vet ./...
	$(GO) build -C tools -o ../$(WORK)/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	$(WORK)/golangci-lint run

fuzz: ## every fuzz target for FUZZTIME
	bash internal/conformance/fuzz.sh $(FUZZTIME)

sim: ## the simulators of the coherence core, of the stream tailer and of whole nodes over SEEDS seeds each
	$(GO) test -count=1 -timeout 60m -v -run 'SeedsKeepTheContract' ./internal/sim -seeds $(SEEDS)
	$(GO) test -count=1 -timeout 60m -v -run 'SeedsKeepThePosition' ./invalidation/stream -seeds $(SEEDS)
	$(GO) test -count=1 -timeout 120m -v -run 'SeedsKeepTheContract' ./internal/sim/stack -seeds $(SEEDS)

sim-long: ## the same with a reader of everything at every tick, for the time FOR from seed FROM on, on one core
	GOMAXPROCS=1 GOGC=400 $(GO) test -count=1 -timeout 0 -v -run SeedsKeepTheContract ./internal/sim -dense -from $(FROM) -for $(FOR)

model: ## the exhaustive models of the coherence core and of the stream tailer, DEPTH steps deeper than the tests go
	$(GO) test -count=1 -timeout 60m -v -run 'TestModel' ./cache/coherence -model-depth $(DEPTH)
	$(GO) test -count=1 -timeout 60m -v -run 'TestModel|TestMutantsAreCaught' ./invalidation/stream -model-depth $(DEPTH)

sim-mutants: ## which rules of the coherence core, the guard, the proxy and the stream reader the simulators need how many seeds to miss
	cd internal/sim && $(GO) test -count=1 -timeout 60m -run TestPrintMutants -table $(MUTANTSEEDS)
	cd invalidation/stream && $(GO) test -count=1 -timeout 60m -run TestPrintMutants -table $(MUTANTSEEDS)
	cd internal/sim/stack && $(GO) test -count=1 -timeout 600m -run TestPrintMutants -table $(MUTANTSEEDS)

porcupine: ## HISTORIES histories of each mode over real sockets with faults, judged from outside
	$(GO) test -count=1 -timeout 120m -v -run HistoriesAre ./internal/history -histories $(HISTORIES)

oracle: ## seeded operations on the engine and on ENDPOINT, compared; ORACLE adds flags
	@test -n "$(ENDPOINT)" || { echo "ENDPOINT is needed: make oracle ENDPOINT=http://127.0.0.1:8000" >&2; exit 2; }
	$(GO) run ./internal/oracle -endpoint $(ENDPOINT) $(ORACLE)

conformance: ## the client suites: Python, JavaScript, AWS CLI, Java, Go
	$(GO) run ./internal/conformance -work $(WORK)/conformance

deploy-check: ## compose file, Kubernetes manifests, dashboard and alerts; needs prometheus and promtool
	$(GO) -C docker/check test -count=1 ./...

image-check: ## the image of docker/Dockerfile built and run; Linux, as root
	bash docker/check/image.sh

bench: ## benchmarks that match BENCH, COUNT times, into .work/bench.txt
	@mkdir -p $(WORK)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./... > $(WORK)/bench.txt || { cat $(WORK)/bench.txt; exit 1; }
	@cat $(WORK)/bench.txt

bench-compare: ## benchmarks that match BENCH here and at commit REF, in turns, COUNT times each, and the two compared
	GO='$(GO)' bash internal/bench/compare.sh '$(REF)' '$(BENCH)' '$(COUNT)'

bench-ceiling: ## hits beside bare fasthttp and net/http, Redis and memcached on cores of their own; BENCH_CEILING adds flags, such as -peer
	@mkdir -p $(WORK)/bench-ceiling
	$(RELEASE) -o $(WORK)/bench-ceiling/millrace ./cmd/millrace
	$(GO) build -o $(WORK)/bench-ceiling/bench ./internal/bench
	$(WORK)/bench-ceiling/bench -binary $(CURDIR)/$(WORK)/bench-ceiling/millrace -dir $(CURDIR)/$(WORK)/bench-ceiling \
	  -only ceiling-getitem,ceiling-query,ceiling-batch,ceiling-peers $(BENCH_CEILING)

bench-engine: ## the engine over HTTP beside bare Pebble and, named by BENCH_ENGINE="-peer dynalite=http://…", other DynamoDBs
	@mkdir -p $(WORK)/bench-engine
	$(RELEASE) -o $(WORK)/bench-engine/millrace ./cmd/millrace
	$(GO) run ./internal/bench -binary $(WORK)/bench-engine/millrace -dir $(WORK)/bench-engine -only start,synced,peers,deletes,writers $(BENCH_ENGINE)

bench-miss: ## what a miss and a write cost before an upstream that takes 2 ms, beside asking it directly; BENCH_MISS adds flags
	@mkdir -p $(WORK)/bench-miss
	$(RELEASE) -o $(WORK)/bench-miss/millrace ./cmd/millrace
	$(GO) run ./internal/bench -binary $(WORK)/bench-miss/millrace -dir $(WORK)/bench-miss -only misses $(BENCH_MISS)

bench-memory: ## what the caches take and cost at ENTRIES items: memory, collections, hits, and whether the budget holds; needs 1 GB for a million
	@mkdir -p $(WORK)/bench-memory
	$(RELEASE) -o $(WORK)/bench-memory/millrace ./cmd/millrace
	$(GO) run ./internal/bench -binary $(WORK)/bench-memory/millrace -dir $(WORK)/bench-memory -entries $(ENTRIES) $(BENCH_MEMORY)

bench-hitratio: ## what share of generated requests the item cache answers, beside otter and the static bound; HITRATIO adds flags
	$(GO) -C internal/bench/hitratio run . $(HITRATIO)

bench-stream: ## foreign write to dead entry over loopback beside a bare reader, and what applying a record costs
	$(GO) test -run '^$$' -bench 'ForeignWrite' -benchtime 1000x ./invalidation/stream
	$(GO) test -run '^$$' -bench 'Apply' -benchtime 3s ./invalidation/stream

foreign: ## foreign writes behind millrace's back for FOREIGN="-duration 60s …": staleness, and hits beside an omniscient cache's
	@mkdir -p $(WORK)/foreign
	$(GO) build -trimpath -o $(WORK)/foreign/millrace ./cmd/millrace
	$(GO) run ./internal/foreign -millrace $(WORK)/foreign/millrace $(FOREIGN)
