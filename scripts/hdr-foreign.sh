#!/usr/bin/env bash
# HDR V2 logs of the harness, read by PyPI's hdrhistogram: counts and percentiles must be those of figures.json.
#   scripts/hdr-foreign.sh [FOLDER OF BINARIES]
# Says "skipped" and ends well where python3 or the package is missing (pip install hdrhistogram; PYTHON names another interpreter).
set -euo pipefail
bin=${1:-target/release}
python=${PYTHON:-python3}
if ! "$python" -c 'import hdrh.log' 2>/dev/null; then
    echo "skipped: $python has no hdrhistogram"
    exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$bin/latency-tests" jitter --duration 1 --out "$dir" >/dev/null
"$python" - "$dir" <<'PYTHON'
import json
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

folder = sys.argv[1]
figures = json.load(open(f"{folder}/figures.json"))["figures"]
read = HistogramLogReader(f"{folder}/jitter.hlog", HdrHistogram(1, 60_000_000_000, 3)).get_next_interval_histogram()
assert read is not None and read.get_tag() == "gap", "no histogram with the tag gap"
assert read.get_total_count() > 0, "an empty histogram"
for percentile, name in [(50, "p50"), (99, "p99"), (99.9, "p999")]:
    ours, theirs = figures[f"jitter.gap_{name}_us"], read.get_value_at_percentile(percentile) / 1e3
    assert abs(ours - theirs) <= ours * 0.002, f"{name}: {ours} here, {theirs} there"
print(f"hdrhistogram reads {read.get_total_count()} gaps as they were written")
PYTHON
