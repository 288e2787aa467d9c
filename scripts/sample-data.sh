#!/usr/bin/env bash
# Fetches the sample tape: 30 minutes of real BTC/USD order flow (Bitstamp, 2026-05-02 02:36 to 03:06 UTC), every order by its own id.
#
#   scripts/sample-data.sh [DIR]        DIR defaults to ./sample-data
#
# It comes out of the PyPI wheel ob-analytics 0.1.0 (about 3 MB), whose bytes and whose two files' bytes are pinned here. A directory
# that already holds the right files is left alone, so the script may run before every replay.
set -euo pipefail

readonly PACKAGE='ob-analytics==0.1.0'
readonly WHEEL='ob_analytics-0.1.0-py3-none-any.whl'
readonly WHEEL_SHA256='0326a93aaee4ea08356d8dea59868d68592623a2434bbe4d9be379fa855c9c62'
readonly INSIDE='ob_analytics/_sample_data'
readonly ORDERS_SHA256='880501e94fb43942b7f98cbc37bab421d72703d85898aae8de5da117bf62cdfc'
readonly TRADES_SHA256='9fd0dd86023b71eed49026b9b8e8a45d06d2578ced69393ad696f37233e9c795'
readonly ORDER_ROWS=314057
readonly TRADE_ROWS=284

fail() {
    echo "sample-data: $*" >&2
    exit 1
}

sha256_of() {
    sha256sum "$1" | cut -d' ' -f1
}

complete() {
    [[ -f "$1/orders.csv.gz" && -f "$1/trades.csv" ]] || return 1
    [[ "$(sha256_of "$1/orders.csv.gz")" == "$ORDERS_SHA256" && "$(sha256_of "$1/trades.csv")" == "$TRADES_SHA256" ]]
}

[[ $# -le 1 ]] || fail "usage: $0 [DIR]"
readonly DIR="${1:-./sample-data}"
for tool in python3 sha256sum gzip; do
    command -v "$tool" >/dev/null || fail "needs $tool on the PATH"
done

if complete "$DIR"; then
    echo "sample-data: $DIR is complete"
    exit 0
fi

# One scratch directory beside the target, so that the final rename stays within a file system.
mkdir -p "$DIR" || fail "cannot make $DIR"
scratch="$(mktemp -d "$DIR/.fetch.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT

python3 -m pip --version >/dev/null 2>&1 || fail "needs pip: python3 -m pip does not run"
echo "sample-data: downloading $PACKAGE"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$scratch" "$PACKAGE" ||
    fail "pip could not download $PACKAGE; is the package index reachable?"

wheel="$scratch/$WHEEL"
[[ -f "$wheel" ]] || fail "pip left no $WHEEL"
got="$(sha256_of "$wheel")"
[[ "$got" == "$WHEEL_SHA256" ]] || fail "$WHEEL has sha256 $got, expected $WHEEL_SHA256"

python3 - "$wheel" "$INSIDE" "$scratch" <<'PYTHON' || fail "cannot unpack $WHEEL"
import pathlib, sys, zipfile
wheel, inside, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in ("orders.csv.gz", "trades.csv"):
        (pathlib.Path(target) / name).write_bytes(archive.read(f"{inside}/{name}"))
PYTHON

complete "$scratch" || fail "the files inside $WHEEL are not the expected ones"
orders=$(($(gzip -dc "$scratch/orders.csv.gz" | wc -l) - 1))
trades=$(($(wc -l <"$scratch/trades.csv") - 1))
[[ $orders -eq $ORDER_ROWS && $trades -eq $TRADE_ROWS ]] || fail "$orders order rows and $trades trades, expected $ORDER_ROWS and $TRADE_ROWS"

mv -f "$scratch/orders.csv.gz" "$scratch/trades.csv" "$DIR/"
echo "sample-data: $DIR holds $orders order rows and $trades trades"
