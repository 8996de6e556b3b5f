# Limen's one front door. `make help` lists the targets; README.md walks through the first of them.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := help

VM ?= full
LISTEN ?= 127.0.0.1:8080
DATA ?= var
MANIFESTS ?= $(DATA)/manifests
CONFIGURATION ?= release
SWIFT ?= swift
# A debug build for the tests treats a warning as an error; the release build shows them.
STRICT := -Xswiftc -warnings-as-errors
BIN = .build/$(CONFIGURATION)
BUNDLED := calc markdown sanitizer sysprobe table text time web
# Packed and installed too, but enabled by whoever has a key or a server for them.
ADAPTERS := anthropic moonshot openai zhipu

# Debian packages: what the build links, and what a bare image may lack beside the Swift toolchain.
DEPS := pkg-config libssl-dev libsqlite3-dev libpq-dev zlib1g-dev libpcre2-dev libcmark-gfm-dev libcmark-gfm-extensions-dev libgumbo-dev libexpat1-dev
# openssl, curl and python3 are foreign peers of our TLS; python3-venv holds the foreign identity provider, the mail server and the clients of model providers.
# chromium, with its driver, is a browser that opens our pages.
# curl (with libcurl, whose header SDK/Samples/curl includes) and openssl are clients and a server of tunnels. libseccomp and the arm64 headers: our own table of system call numbers is checked against both, and our C against the latter.
TEST_DEPS := $(DEPS) postgresql nginx-light libseccomp-dev libc6-dev-arm64-cross curl libcurl4-openssl-dev openssl python3 python3-venv chromium chromium-driver
# For the machine with an arm64 kernel.
ARM_DEPS := gcc-aarch64-linux-gnu qemu-system-arm mmdebstrap cpio
# What the HTTP benchmark compares with and is driven by.
BENCH_DEPS := nginx-light wrk procps
# What the egress proxy is compared with; their services are not used, and may be disabled.
EGRESS_PEERS := squid tinyproxy
# For the virtual machine with Debian's own kernel.
VM_DEPS := qemu-system-x86 mmdebstrap e2fsprogs
# The templates hold @NAME@ where a name will stand: no Swift yet.
SWIFT_FILES = $(shell find Package.swift Host Plugins SDK Sandbox Tests -name '*.swift' -not -path '*/Templates/*' -not -path '*/.build/*')
TEST_TARGETS := $(sort $(notdir $(wildcard Tests/*Tests)))

.PHONY: help deps test-deps build bundles serve test escape test-vm test-arm64 fuzz soak soak-hostile bench bench-http bench-egress bench-store bench-chat load doctor ledger format lint clean

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' Makefile

deps: ## install the Debian packages the build needs (only the missing ones)
	@Tests/Scripts/install-packages $(DEPS)

test-deps:
	@Tests/Scripts/install-packages $(TEST_DEPS)

build: deps ## build everything, release
	$(SWIFT) build -c $(CONFIGURATION)

bundles: build ## pack the bundled plugins into $(DATA)/bundles
	@Tests/Scripts/pack-bundled $(BIN) $(DATA) $(MANIFESTS) $(BUNDLED) -- $(ADAPTERS)

serve: bundles ## build, pack the bundled plugins, make var/ and serve on $(LISTEN)
	@exec $(BIN)/limen serve --listen $(LISTEN) --data $(DATA) --manifests $(MANIFESTS)

test: test-deps lint ## lint, build with warnings as errors and run every test
	$(SWIFT) build --build-tests $(STRICT)
	@Tests/Scripts/run-tests $(TEST_TARGETS) -- $(SWIFT) test --skip-build --disable-xctest $(STRICT)

escape: deps ## the escape suite alone, on every rung this machine offers
	@for product in limen-spawner limen-worker limen-escape; do $(SWIFT) build --product $$product $(STRICT) || exit 1; done
	@.build/debug/limen-escape

test-vm: deps ## the escape suite and the installed service on Debian's own kernel under qemu (VM=short for a few minutes of it)
	@Tests/Scripts/install-packages $(VM_DEPS)
	@for product in limen-spawner limen-worker limen-escape limen calc; do $(SWIFT) build --product $$product $(STRICT) || exit 1; done
	@$(MAKE) --no-print-directory -s -C Tests/Hostile -j2 OUT=$(CURDIR)/.build/debug/hostile
	@Tests/Scripts/vm/run .build/debug $(VM)

test-arm64: test-deps ## the filters, the sandbox's C and a plugin in C on Debian's arm64 kernel, emulated (needs no arm64 machine)
	@Tests/Scripts/install-packages $(ARM_DEPS)
	$(SWIFT) build --build-tests $(STRICT)
	@mkdir -p .build/arm64/vectors
	@LIMEN_VECTORS=$(CURDIR)/.build/arm64/vectors $(SWIFT) test --skip-build --disable-xctest $(STRICT) --filter JailTests.ArmVectorTests
	@Tests/Arm64/run .build/arm64 .build/arm64/vectors

fuzz: deps ## fuzz every parser that meets strangers, a table by target (FUZZ_SECONDS=30 each)
	@Tests/Fuzz/run $${FUZZ_SECONDS:-30} $(FUZZ_TARGETS)

soak-hostile: deps ## crashing, hanging and leaking plugins under load on every rung; nothing may stay (SOAK_SECONDS=600 each)
	@for product in limen-spawner limen-worker limen-escape; do $(SWIFT) build --product $$product $(STRICT) || exit 1; done
	@.build/debug/limen-escape --soak $${SOAK_SECONDS:-600}

soak: build ## the Swift runtime probe under constant load in the jail, in both link modes (SOAK_SECONDS=600 each)
	@Tests/Scripts/soak $(BIN) $${SOAK_SECONDS:-600}

bench: bundles ## the numbers of DESIGN 6 as a table (limen bench --json for scripts)
	@$(BIN)/limen bench

bench-http: deps ## our HTTP server against a Hummingbird and an nginx, a table with the aims (QUICK=1; ONLY="plaintext json"; PEERS=nginx)
	@Tests/Scripts/install-packages $(BENCH_DEPS)
	@for product in limen-bench-http limen-load; do $(SWIFT) build -c release --product $$product || exit 1; done
	@case "$${PEERS-hummingbird}" in *hummingbird*) $(SWIFT) build -c release --package-path Tests/Benchmarks/peers/bench-hummingbird;; esac
	@Tests/Scripts/bench-http .build/release

bench-egress: build ## what our egress proxy adds to a connection, beside squid and tinyproxy, a table with the aims
	@Tests/Scripts/install-packages $(EGRESS_PEERS)
	@$(BIN)/limen bench egress

bench-store: build ## session checks, writes, pages and sign-ins on SQLite and PostgreSQL, beside SQLAlchemy with FastAPI (QUICK=1; PEERS=; ROWS=)
	@Tests/Scripts/install-packages postgresql python3-venv
	@Tests/Scripts/bench-store $(BIN)

bench-chat: build ## turns of conversations, in the process and over HTTP, beside FastAPI with SQLite (QUICK=1; PEERS=)
	@Tests/Scripts/install-packages wrk python3-venv
	@Tests/Scripts/bench-chat $(BIN)

load: deps ## floods, 10,000 idle connections and WebSockets, aborted requests, slow clients, long calls (part of make test)
	$(SWIFT) build --build-tests $(STRICT)
	@Tests/Scripts/run-tests LoadTests -- $(SWIFT) test --skip-build --disable-xctest $(STRICT)

doctor: build ## what this kernel and this account can enforce
	@$(BIN)/limen doctor

ledger: ## ID, number of tests, test names: one row an ID
	@Tests/Scripts/ledger

format: ## format every Swift file, then lint
	@$(SWIFT) format format --in-place --parallel $(SWIFT_FILES)
	@$(MAKE) --no-print-directory lint

lint: ## check the formatting rules
	@$(SWIFT) format lint --strict --parallel $(SWIFT_FILES)

clean: ## remove what was built; var/ (your data) stays
	rm -rf .build
