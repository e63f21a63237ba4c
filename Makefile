# Everything a developer types. Each target installs what it needs (scripts/setup.sh, a no-op once done),
# so that a fresh Debian 12 with git and make needs nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

JOBS ?= $(shell nproc)
BENCH ?=
ROUNDS ?= 9
ENTRIES ?=
OUTPUT ?= text
FUZZ ?=
SECONDS_EACH ?= 60

.PHONY: help
help: ## Shows this
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup-build configure-release ## Builds and shows Stoker at work, without a cluster
	@cmake --build build/release --target stoker -j $(JOBS)
	@build/release/bin/stoker demo

.PHONY: build
build: setup-build configure-release ## Builds the programs into build/release/bin
	@cmake --build build/release -j $(JOBS)

.PHONY: test
test: setup-build setup-test configure-release configure-asan ## Tests on real servers and a real cluster, and again under ASan/UBSan
	@cmake --build build/release -j $(JOBS)
	@cmake --build build/asan -j $(JOBS)
	@tests/cluster/cluster build
	@scripts/ctest.sh release asan

.PHONY: bench
bench: setup-build setup-bench configure-release ## Stoker beside its peers on real servers: BENCH="http ..." ROUNDS=9 ENTRIES=n OUTPUT=json
	@cmake --build build/release --target stoker slot_origin -j $(JOBS) >&2
	@tests/bench/bench.py $(BENCH) --rounds $(ROUNDS) --output $(OUTPUT) $(if $(ENTRIES),--entries $(ENTRIES))

.PHONY: tsan
tsan: setup-build setup-test configure-tsan ## Unit and integration tests under ThreadSanitizer
	@cmake --build build/tsan -j $(JOBS)
	@tests/cluster/cluster build
	@scripts/ctest.sh tsan

.PHONY: fuzz
fuzz: setup-build configure-fuzz ## Hands what parses bytes from outside whatever libFuzzer thinks of: FUZZ="url ..." SECONDS_EACH=60
	@cmake --build build/fuzz --target fuzzers -j $(JOBS)
	@scripts/fuzz.sh build/fuzz $(SECONDS_EACH) $(FUZZ)

.PHONY: lint
lint: setup-build setup-lint configure-lint ## Formatting, clang-tidy, and the rules of CONTRIBUTING.md
	@scripts/lint.py --jobs $(JOBS) build/lint

.PHONY: lint-tests
lint-tests: setup-build setup-lint configure-lint ## As lint, with clang-tidy over tests/ too (half an hour when cold)
	@scripts/lint.py --tests --jobs $(JOBS) build/lint

.PHONY: format
format: setup-lint ## Rewrites the sources as clang-format wants them
	@git ls-files '*.h' '*.cc' | xargs clang-format-19 -i

.PHONY: chart-crds
chart-crds: ## Copies crds/ into the Helm chart, which can only read what lies in its own folder
	@cp crds/stoker.dev_*.yaml charts/stoker/files/crds/

.PHONY: image
image: setup-build configure-release ## Packs build/stoker-image.tar, tagged localhost/stoker:dev
	@cmake --build build/release --target stoker stoker-controller stoker-worker -j $(JOBS)
	@packaging/image.sh build/release build/stoker-image.tar

.PHONY: clean
clean: ## Removes build/ (caches in ~/.cache stay)
	@rm -rf build

.PHONY: setup-build setup-lint setup-test setup-bench
setup-build setup-lint setup-test setup-bench: setup-%:
	@scripts/setup.sh $*

.PHONY: configure-release configure-asan configure-tsan configure-fuzz configure-lint
configure-release configure-asan configure-tsan configure-fuzz configure-lint: configure-%:
	@[ build/$*/build.ninja -nt CMakePresets.json ] || cmake --preset $* --log-level=WARNING
