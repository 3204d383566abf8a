# `make help` says what there is. Node on this machine only has to start npm: the Node that runs the sources is a
# development dependency, and config/install.mjs brings it with everything else on first use.
.DEFAULT_GOAL := help
.PHONY: help install demo test check format sim balance-sim bench bench-smoke live-balance fuzz real xds-istio build docker clean conformance connect-conformance websocket-conformance interop attack rollout soak mutate docs demo-jaeger release

# In the recipe, not by `export PATH`: an older make (macOS has 3.81) looks commands up without it.
run := PATH="$(CURDIR)/node_modules/.bin:$$PATH"
# Arguments for the command behind a target: make test ARGS='-g hpack'
ARGS ?=
# Of the rollouts, calls a second.
RATE ?= 2000
# Of the simulation.
SEED ?= 1
SEEDS ?= 1

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: ## Install the npm packages and Node; the other targets run it when needed
	@command -v node >/dev/null && command -v npm >/dev/null || { echo 'Node 20 or later with npm is needed; install it first' >&2; exit 1; }
	@node config/install.mjs

# What Node made of the sources is kept: from the second start on it is ready in 0.4 s, not 0.6, and takes 20 MiB less.
demo: install ## Run three replicas, a sidecar, a load generator and the live page (DEMO_SECONDS=10 stops it after 10 s)
	@NODE_COMPILE_CACHE="$(CURDIR)/.cache/compile" $(run) exec node --disable-sigusr1 src/main.ts demo $(ARGS)

demo-jaeger: install ## Run two services with sidecars and a real Jaeger, and print the link of a trace (requires Go; the first run builds Jaeger, 2 to 3 minutes; DEMO_SECONDS=10 stops it)
	@$(run) exec node test/real/tracing/demo.ts $(ARGS)

test: install ## Run all tests (ARGS='-g words' selects some)
	@$(run) npm test --silent -- $(ARGS)

check: install ## Check the sources: types, style, layers, import cycles, banned globals, file and function length
	@$(run) exec node test/check/main.ts $(ARGS)

format: install ## Format the sources and apply the safe fixes of Biome
	@$(run) exec biome check --config-path=config --write src test examples config/*.mjs package.json

sim: install ## Simulate calls over faulty connections in virtual time (SEED=1 SEEDS=1000; ARGS=--trace prints every step of one run)
	@$(run) exec node test/sim/main.ts --seed $(SEED) --seeds $(SEEDS) $(ARGS)

balance-sim: install ## Simulate balancing and compare it with other policies and the goals (SEED=1; ARGS='--seeds 3 --only goals')
	@$(run) exec node test/balance-sim/main.ts --seed $(SEED) $(ARGS)

bench: install ## Measure CPU per call, memory and start time, compare with other proxies, and write the results to test/bench/results/
	@$(run) exec node test/bench/main.ts $(ARGS)

bench-smoke: install ## Run a short benchmark that checks ratios only, for CI
	@$(run) exec node test/bench/main.ts --smoke $(ARGS)

live-balance: install ## Measure balancing by 20 real sidecars beside HAProxy and the simulator, and write test/bench/results/ (ARGS=--smoke; requires an otherwise idle machine)
	@$(run) exec node test/bench/live-balance.ts $(ARGS)

# make fuzz SECONDS=3600; make fuzz TARGET=hpack SEED=1 runs one again, INPUT=FILE one input alone.
# Without a SEED of the caller's every run has its own, and prints it.
SECONDS ?= 60
conformance: install ## Test the engine and a running sidecar with h2spec, h2specd and httpwg (requires Go and Cargo; ARGS=--install only builds the tools)
	@$(run) exec node test/conformance/main.ts $(ARGS)

connect-conformance: install ## Test a running sidecar with Buf's suite for gRPC, gRPC-Web and Connect (requires Go; ARGS=--direct also runs it without a sidecar)
	@$(run) exec node test/conformance/connect/main.ts $(ARGS)

websocket-conformance: install ## Test WebSockets through sidecars with Autobahn's cases, as kosoku runs them (requires Python 3; ARGS=--install only installs kosoku)
	@$(run) exec node test/conformance/websocket/main.ts $(ARGS)

attack: install ## Attack a running sidecar and check the latency of a well-behaved client (requires an otherwise idle machine)
	@$(run) exec mocha $(ARGS) 'test/attack/**/*.test.ts'

# make soak MINUTES=2; ARGS='--rate 200 --every 4' for more calls a second and more restarts.
MINUTES ?= 30
soak: install ## Run a mixed load for half an hour while replicas stop and restart, then check for leaks and lost calls (MINUTES=2)
	@$(run) exec node test/soak/main.ts --minutes '$(MINUTES)' $(ARGS)

# The score of a large folder can be estimated: SAMPLE=300 draws mutants at random (SEED=1 draws the same again).
# RESUME=1 judges again only what the last run did not kill; MUTANT=id judges one alone; JOBS=2; TESTS='test/unit/call/**/*.test.ts'.
FOLDER ?=
SAMPLE ?=
JOBS ?=
MUTANT ?=
RESUME ?=
TESTS ?=
mutate: install ## Run mutation tests: change the sources in small ways and list the changes that no unit test detects (FOLDER=src/http2, SAMPLE=300, SEED=1, RESUME=1, MUTANT=id)
	@$(run) exec node test/mutate/main.ts '$(FOLDER)' --sample '$(SAMPLE)' --seed '$(if $(filter-out file,$(origin SEED)),$(SEED))' --jobs '$(JOBS)' --mutant '$(MUTANT)' --tests '$(TESTS)' $(if $(RESUME),--resume) $(ARGS)

interop: install ## Run gRPC's interop cases through the sidecar: clients and servers in Go, Java, Ruby and Node
	@$(run) test/interop/run $(ARGS)

fuzz: install ## Fuzz parsers and connections for a minute (SECONDS=3600, TARGET=hpack, SEED=1, INPUT=FILE)
	@$(run) exec node test/fuzz/main.ts --seconds '$(SECONDS)' --target '$(TARGET)' --seed '$(if $(filter-out file,$(origin SEED)),$(SEED))' --input '$(INPUT)' $(ARGS)

rollout: install ## Restart, replace, reload and hand over sidecars under 2,000 calls per second and check that no call fails (RATE=500; requires Python; compares with HAProxy and nginx)
	@$(run) exec node test/rollout/main.ts --rate $(RATE) $(ARGS)

real: install ## Test with real peers, if installed: etcd, Jaeger, Kubernetes, Prometheus, Python
	@for peer in test/real/*; do [ ! -f "$$peer" ] || [ ! -x "$$peer" ] || { $(run) "$$peer" || exit 1; }; done

xds-istio: install ## Test sidecars with Istio's control plane and a real API server (requires Go; the first run builds pilot-discovery, 10 to 20 minutes)
	@$(run) exec node test/real/istio/main.ts $(ARGS)

docs: install ## Build the user guide into site/ and check its links and assets (requires Python 3)
	@$(run) exec node test/docs/main.ts $(ARGS)

build: install ## Build dist/, which npm publishes
	@$(run) npm run --silent build

release: install ## Build the npm package twice, compare both, and write it to release/ with its SBOM and checksums
	@$(run) exec node config/release.mjs

docker: ## Build the container image outrigger:dev with docker, podman or buildah (TAG=name, PLATFORMS=linux/amd64,linux/arm64)
	@docker/build.sh $(ARGS)

clean: ## Remove build results and installed packages
	rm -rf dist coverage site release .cache node_modules
