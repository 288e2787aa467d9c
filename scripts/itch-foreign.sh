#!/usr/bin/env bash
# Foreign decoders (itchfeed and meatpy of PyPI) read a generated ITCH file and must rebuild the engine's book.
# usage: itch-foreign.sh [SEED...]. Skips, and says so, where the decoders cannot be installed.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install --quiet --disable-pip-version-check itchfeed==1.6.4 meatpy==0.5.0; } >"$work/pip" 2>&1; then
    tail -n 3 "$work/pip"
    echo 'SKIPPED: itchfeed and meatpy cannot be installed here, so no foreign Python decoder has read the feed'
    exit 0
fi
cargo build --locked --release --quiet --workspace --example itch_day
days=()
for seed in "${@:-1}"; do
    # The same day cut short at several places: books are compared at each, not only where a day happens to end.
    for commands in 2000 5000 10000 20000; do
        day=$work/seed-$seed-$commands
        "$target/release/examples/itch_day" "$day" "$seed" "$commands" >"$work/file"
        echo "seed $seed, $commands commands: $(stat -c %s "$(cat "$work/file")") bytes"
        days+=("$day")
    done
done
"$work/venv/bin/python" scripts/itch-foreign.py "${days[@]}"
