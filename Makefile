# Whatever is not one plain cargo command. Plain `make` lists the targets.

crates := sealing gotemplate apiserver controller cli sandbox tests
shipped := -p controller -p cli -e normal,build --prefix none

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: check
check: format lint doc alone pure one-crypto deny ## before each commit, and in CI, after `cargo test`

.PHONY: format
format:
	cargo fmt --all --check

.PHONY: lint
lint:
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: doc
doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace

# A crate that builds only beside its neighbours leans on features they switch on.
.PHONY: alone
alone:
	@set -e; for crate in $(crates); do echo "cargo check -p $$crate --all-targets"; cargo check -q -p $$crate --all-targets; done

.PHONY: pure
pure:
	@tree=$$(cargo tree -p sealing -e normal --prefix none) || exit 1; \
	if found=$$(echo "$$tree" | cut -d' ' -f1 | sort -u | grep -xE '(tokio|hyper)(-[a-z]+)*'); then \
		echo "error: sealing does no I/O, but stands on:" $$found >&2; exit 1; \
	fi

.PHONY: one-crypto
one-crypto:
	@tree=$$(cargo tree $(shipped)) || exit 1; \
	if found=$$(echo "$$tree" | cut -d' ' -f1 | sort -u | grep -xE 'ring|rsa|openssl-sys'); then \
		echo "error: what we ship uses aws-lc-rs alone, but stands on:" $$found >&2; exit 1; \
	fi

.PHONY: deny
deny:
	cargo deny check bans licenses sources

.PHONY: generate
generate: ## rewrite crds/, the chart's copy and the reference of kubeseal from the code
	GENERATE=1 cargo test -q -p sealing --test crd
	GENERATE=1 cargo test -q -p cli --test documentation

.PHONY: kubernetes
kubernetes: ## build a Kubernetes control plane, once, for `make real`
	@tests/kubernetes/build

.PHONY: real
real: ## the scenarios again, on that control plane
	@tests/kubernetes/run

.PHONY: settings
settings: ## leave each setting of the controller out in turn, and see which test notices
	@tests/settings/reset

.PHONY: health
health: ## have Argo CD's and Flux's own rules judge our statuses
	@tests/health/judge && git diff --exit-code -- tests/health/verdicts.json

.PHONY: bench
bench: ## what sealing and unsealing cost here
	cargo bench -p sealing
	cargo bench -p cli --bench process

.PHONY: load
load: ## what the controller bears here, over HTTP and of one namespace
	cargo build --profile small -p controller
	ulimit -n 8192 && cargo run -q -p tests --example load

.PHONY: fuzz
fuzz: ## mutated requests for ten minutes
	cargo run -q --release -p tests --example fuzz_requests -- 600

.PHONY: footprint
footprint: ## what the controller takes beside many Secrets, on the real control plane
	@tests/footprint/run

.PHONY: bars
bars: ## the numbers we watch; they fail nothing
	@.ci/bars

.PHONY: tools
tools: ## install what `make check` needs beyond cargo
	@cargo deny --version 2>/dev/null || cargo install cargo-deny --locked
