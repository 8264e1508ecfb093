# Postern. `make help` says what can be made.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
# How long `make soak` sends mail, in seconds.
SOAK_SECONDS ?= 600
# The folder of the node that `make cluster` starts.
CLUSTER ?= target/cluster
# The tests that meet a real API server.
APISERVER_TESTS = $(basename $(notdir $(shell grep -lE 'Cluster::|Stage::|layer_is_off' tests/tests/*.rs)))

# The tests that start a whole node.
NODE_TESTS = $(basename $(notdir $(wildcard tests/tests/node_*.rs)))

.PHONY: help demo run test test-pure test-apiserver test-node node-parts lint crds charts cluster cluster-down image fuzz bench bench-operator soak tools

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: tools ## Build, send mails in and out, show what happens, stop
	@$(CARGO) build --locked --bins
	@tests/contained $(CARGO) run --locked --quiet --package postern-tests --bin postern-demo

run: tools ## The same, but leave it running for mails of your own; Ctrl-C stops it
	@$(CARGO) build --locked --bins
	@exec tests/contained $(CARGO) run --locked --quiet --package postern-tests --bin postern-demo -- --stay

test: tools node-parts ## Run all tests: with real mail servers and clients, a real API server and a real node
	$(CARGO) build --locked --workspace --all-targets
	tests/apiserver tests/contained tests/all

test-pure: ## Run the tests that need nothing but the crates
	$(CARGO) test --locked --workspace --exclude postern-tests --no-fail-fast

test-apiserver: tools ## Run the tests that meet a real Kubernetes API server, with no node
	$(CARGO) build --locked --bins
	tests/apiserver tests/contained $(CARGO) test --locked --package postern-tests --no-fail-fast $(addprefix --test ,$(APISERVER_TESTS))

test-node: tools node-parts ## Run the tests that start a whole Kubernetes node
	$(CARGO) build --locked --bins
	tests/apiserver tests/contained $(CARGO) test --locked --package postern-tests --no-fail-fast $(addprefix --test ,$(NODE_TESTS))

lint: tools ## Check format, lints, licences and advisories
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	tests/deny

crds: ## Write crds/yaml, docs/api.md, docs/status.md and the chart of the definitions again from the types
	POSTERN_WRITE=1 $(CARGO) test --locked --quiet --package postern-crds --package postern-operator \
	  --test yaml_is_generated --test reference_is_generated --test reasons_are_documented

cluster: ## Start a real Kubernetes node with MetalLB and an Internet of its own, for you to try things on
	@tests/setup node
	@$(CARGO) build --locked --bins
	@tests/node/up $(CLUSTER) target/debug

cluster-down: ## End that node and remove every trace of it
	@tests/node/down $(CLUSTER)

image: ## Build the image of both programs into target/image/postern.tar, without a registry
	@tests/setup node
	$(CARGO) build --locked --release --package postern-operator --package postern-relay
	deploy/image/sbom target/image/sbom
	deploy/image/build --programs target/release --sbom target/image/sbom --name localhost/postern:latest target/image/postern.tar

charts: ## Write what is made from the charts again: deploy/operator.yaml, the README of the values, what tests compare with
	POSTERN_WRITE=1 $(CARGO) test --locked --quiet --package postern-tests --test chart_gives_what_was_reviewed --test chart_readme_lists_the_values

fuzz: tools ## Fuzz the whole SMTP session
	relay/fuzz/run

bench: tools ## Compare with Postfix, Exim, OpenSMTPD and Haraka
	tests/bench/run

bench-operator: tools ## Measure the operator with 1,000 relays on a real API server (BENCH_RELAYS=…, BENCH_DOMAINS, BENCH_EDITS, BENCH_IDLE)
	tests/tool etcd kube-apiserver helm >/dev/null
	$(CARGO) build --locked --release --package postern-operator --package postern-tests --bin postern-operator --bin bench-operator
	tests/contained target/release/bench-operator

soak: tools ## Send mail for ten minutes (SOAK_SECONDS=…) while the next hop keeps breaking, and account for every message
	$(CARGO) build --locked --bins
	POSTERN_SOAK_SECONDS=$(SOAK_SECONDS) tests/contained $(CARGO) test --locked --package postern-tests --test no_message_is_lost -- --nocapture

tools:
	@tests/setup

node-parts:
	@tests/node/prepare
