# One command per intent. `just` lists them.

default:
    @just --list

# Format, lint and test everything, as CI does (without its installs).
check: fmt lint test

fmt:
    cargo fmt --all --check

lint:
    cargo clippy --release --workspace --all-targets -- -D warnings

test:
    cargo test --release --workspace

# The invariants of ARCHITECTURE.md that a grep can check.
tidy:
    scripts/tidy.sh

# Every interleaving of the rings.
loom:
    RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test --release -p plinth-matching --lib ring

# Money and core crates with debug assertions on.
debug-assertions:
    cargo test -p plinth-types -p plinth-clearing

# Does the simulation find the bugs that are planted for it? Another build of everything, in a folder of its own.
planted-bugs:
    CARGO_TARGET_DIR=target/planted cargo test --release -p plinth-simulation --features planted-bugs --test planted -- --nocapture

# Figures: `just bench engine`, `just bench wire`.
bench WHAT *ARGS:
    cargo run --release -p latency-tests -- {{WHAT}} {{ARGS}} --json

# Real order flow through the gateway.
replay *ARGS:
    scripts/sample-data.sh sample-data
    cargo run --release -- replay --bitstamp sample-data --via fix --sessions 8 --json {{ARGS}}

deny:
    cargo deny check licenses bans sources

# The EVM zone: lint and tests; the public suites are in PLINTH_FIXTURES.
evm:
    cargo clippy --release --manifest-path evm/Cargo.toml --all-targets -- -D warnings
    cargo test --release --manifest-path evm/Cargo.toml

# What proofs of execution cost here: cycles of blocks of the common workload, then one of them proven and verified.
prove ORDERS="100":
    cd proving && cargo run --release --bin plinth-prove -- meter
    cd proving && cargo run --release --bin plinth-prove -- bench --orders {{ORDERS}} --json

# plinth-prove and plinth-verify beside plinth. Built in their folder: cargo reads the flags for the machine's vector instructions there only.
prover:
    cd proving && cargo build --release --locked
    cp proving/target/release/plinth-prove proving/target/release/plinth-verify target/release/

# The trading zone proven by the real prover, over a kill -9 and a lie.
trading-proven ORDERS="60": prover
    cargo build --release --workspace
    scripts/sample-data.sh sample-data
    scripts/trading-proven.sh sample-data {{ORDERS}}

# The programs that are proven, rebuilt, with what pins them; `just guests --check` compares with the committed ones. apt fetches their compiler once.
guests *ARGS:
    proving/guest/build.sh {{ARGS}}
    cd proving && cargo run --release --bin plinth-prove -- image {{ARGS}}

# Real Ethereum clients against the EVM zone (npm fetches them), with a kill -9 between.
evm-clients:
    scripts/evm-clients.sh

# The parallel executor against plain revm.
evm-bench *ARGS:
    cargo run --release --manifest-path evm/Cargo.toml -- bench {{ARGS}}

# Needs a network.
advisories:
    cargo deny check advisories

docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace
