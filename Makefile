.DEFAULT_GOAL := help
.PHONY: help fmt lint setup test golden ci

help: ## Shows the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

fmt: ## Formats the code.
	cargo fmt

lint: ## Format, clippy and documentation, warnings are errors.
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

setup: ## Installs what the tests run against: Debian packages (as root), and more under target/components.
	tests/components/setup

test: setup lint ## Sets up and runs every test.
	cargo test

golden: ## Rewrites the golden files after a look at each difference.
	INSTA_UPDATE=always cargo test

ci: test ## All gates, as .ci/run calls them.
