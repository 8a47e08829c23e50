# What a person and CI both run. `make demo` and `make test` are all a newcomer needs.

.PHONY: demo test check bench test-long tools

# Debian's packages, then Pebble: the test CA, which is not to be installed but only unpacked here.
PEBBLE = target/tools/pebble
export RAMPART_PEBBLE = $(CURDIR)/$(PEBBLE)

# Show what is to be installed, ask (YES=1 skips), install, build, run until Ctrl-C.
demo:
	@scripts/install-debian.sh demo
	@scripts/fetch-pebble.sh target/tools
	cargo build --locked --bins
	@target/debug/rampart demo

# Everything CI runs: formatting, lints, every test, then the main job end to end.
test:
	@YES=1 scripts/install-debian.sh test
	@scripts/fetch-pebble.sh target/tools
	cargo fmt --check
	shellcheck scripts/*.sh .ci/run
	cargo clippy --locked --all-targets -- --deny warnings
	cargo test --locked
	target/debug/rampart demo --check

# Only what a change in the code can break at once.
check:
	cargo fmt --check
	cargo clippy --locked --all-targets -- --deny warnings
	cargo test --locked --lib

# Figures: pages a second, percentiles, memory; a storm of sign-ins. Needs wrk and python3.
bench:
	cargo build --locked --release --bins
	benches/pages.sh
	benches/policy.sh
	benches/firewall.sh
	benches/storm.sh

# The same tests with more rounds, and those that measure; takes long.
test-long: test
	PROPTEST_CASES=100000 cargo test --locked --lib
	RAMPART_FRAMES=1000000 cargo test --locked --test it agent_frames
	cargo test --locked --test it -- --ignored --test-threads 1
	RAMPART_FIREWALL_SETS=100 RAMPART_FIREWALL_SEED=1000 cargo test --locked --test it -- firewall_packets --test-threads 1
