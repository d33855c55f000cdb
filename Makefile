# Everything a person or CI runs. `make demo` and `make test` are all one needs to know.

CARGO ?= cargo
PYTHON ?= python3

COMPILED := target/wasm32-wasip1/wasm/toolgate.wasm
WASM := target/toolgate.wasm
TOOLGATE := target/debug/toolgate
BOOTSTRAP := $(PYTHON) tests/e2e/bootstrap.py
LAYOUT := $(CARGO) run --locked --quiet --package layout --
PROFILE := envoy/layout/profile.txt
BENCH := PYTHONPATH=tests/e2e target/e2e/bench/bin/python tests/bench/bench.py
# The tests of decisions, which hold without the native evaluator too.
DECISIONS := policy:: decide:: exchange:: cases:: cedar::
DEMO := target/e2e/mcp2/bin/python envoy/demo/demo.py
FUZZ := target/fuzz
# How code counts its branches for libFuzzer: the flags of cargo-fuzz. With `--target`, they are not
# for build scripts.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
COUNTED := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares
# What `make field` installs.
FIELD := envoy-1.40.0 mcp1 mcp2 ts1 ts2 rmcp fastmcp langchain inspector limitador redis conformance1 conformance2 servers servers1 servers2

# Cedar's and JSON's own tests, which are data of others and not part of this tree.
TOOLGATE_CORPORA ?= $(wildcard ../shared/corpora)
override export TOOLGATE_CORPORA := $(abspath $(TOOLGATE_CORPORA))

.PHONY: demo run test unit corpora mutants fuzz e2e field bench bench-steps profile wasm release image cli toolchain lint fmt deny doc clean help

help: ## what there is
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: wasm cli ## real Envoy, a real tool server, people and agents: who may do what
	@$(BOOTSTRAP) envoy-1.40.0 mcp2
	@$(DEMO)

run: wasm cli ## the demo's Envoy and servers, left running for curl
	@$(BOOTSTRAP) envoy-1.40.0 mcp2
	@$(DEMO) --keep

test: toolchain fmt lint doc unit e2e ## everything CI runs

unit: wasm ## the core, the policy tests, the command line, a sample of the corpora, the fuzz targets briefly, the shape of the tree
	$(CARGO) test --locked --quiet --features cedar-only --lib --test tests -- $(DECISIONS)
	$(CARGO) test --locked --quiet --package toolgate --package layout --package corpora --package fuzz

corpora: toolchain ## Cedar's and JSON's own tests, all of them (needs TOOLGATE_CORPORA=DIR)
	$(if $(TOOLGATE_CORPORA),,$(error TOOLGATE_CORPORA names no directory: see tests/corpora/README.md))
	@$(CARGO) run --locked --quiet --release --package corpora -- $(TOOLGATE_CORPORA)

mutants: toolchain ## bugs, seeded one at a time: a test must catch every one (slow)
	@$(PYTHON) tests/corpora/mutants.py

fuzz: toolchain ## libFuzzer over every reader of data from outside, TIME=60 seconds each (needs a C++ compiler)
	RUSTC_BOOTSTRAP=1 RUSTFLAGS="$(COUNTED)" $(CARGO) build --locked --profile fuzz --package fuzz --features libfuzzer --bins \
		--target $(HOST) --target-dir $(FUZZ)/build
	@$(PYTHON) tests/fuzz/fuzz.py $(FUZZ) $(FUZZ)/build/$(HOST)/fuzz/libfuzzer $(or $(TIME),60) $(TARGETS)

# The tests' own build of the command: `cli` has other features in its dependencies, and would
# compile them all once more.
e2e: wasm ## the built filter in Envoy 1.36 to 1.40, with the official MCP clients
	$(CARGO) test --locked --quiet --package toolgate --package layout --package corpora --package fuzz --no-run
	@$(BOOTSTRAP)
	target/e2e/test/bin/pytest tests/e2e --ignore tests/e2e/field --quiet --numprocesses 2

field: wasm ## the conformance suite, the official SDKs, published servers and clients, Limitador with Redis, a million people (RENEW=1 writes their tables anew)
	$(CARGO) test --locked --quiet --package toolgate --no-run
	@$(BOOTSTRAP) $(FIELD)
	RENEW=$(RENEW) target/e2e/test/bin/pytest tests/e2e/field --quiet

bench: release cli ## toolgate and its alternatives side by side in Envoy: what a decision costs
	@$(BOOTSTRAP) envoy-1.40.0 bench
	$(CARGO) build --locked --profile bench --package steps
	@mkdir -p target/bench
	target/release/steps versus > target/bench/steps.json
	@$(BENCH)

bench-steps: toolchain ## instructions of every step of an exchange, beside the baseline (needs valgrind)
	$(CARGO) build --locked --profile bench --package steps
	@$(PYTHON) tests/bench/steps/steps.py

profile: wasm cli ## learn anew, from the demo, which way calls take through the filter
	@$(BOOTSTRAP) envoy-1.40.0 mcp2
	$(LAYOUT) mark $(COMPILED) target/layout/marked.wasm
	@$(DEMO) --wasm target/layout/marked.wasm
	$(LAYOUT) learn $(COMPILED) $(PROFILE) target/demo/envoy.log

wasm: toolchain ## the filter
	$(CARGO) build --locked --lib --target wasm32-wasip1 --no-default-features --profile wasm
	@$(LAYOUT) strip $(COMPILED) $(WASM)

release: wasm ## the filter of a release: the same, laid out by the profile
	@$(LAYOUT) apply --require-fit $(COMPILED) $(PROFILE) $(WASM)

image: release ## the filter as an OCI image layout in target/image, with what it is made of
	@$(PYTHON) envoy/image.py $(WASM) target/image

cli: toolchain ## the command line
	$(CARGO) build --locked --bin toolgate

toolchain: ## the compiler of rust-toolchain.toml, also where rustup does not install it by itself
	@rustup --quiet toolchain install
	@rustup --quiet target add wasm32-wasip1
	@rustup --quiet component add clippy rustfmt

lint: ## clippy, for the terminal and for the filter
	$(CARGO) clippy --locked --package toolgate --package layout --package corpora --package fuzz --all-targets --quiet -- --deny warnings
	$(CARGO) clippy --locked --lib --target wasm32-wasip1 --no-default-features --profile wasm --quiet -- --deny warnings

fmt: ## is the code formatted?
	$(CARGO) fmt --all --check

deny: ## licences, sources and advisories of dependencies (needs cargo-deny)
	$(CARGO) deny check

doc: ## the library's documentation
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --locked --no-deps

clean: ## remove everything that was built or installed
	rm -rf target
