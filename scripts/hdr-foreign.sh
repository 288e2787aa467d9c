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
import math
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

folder = sys.argv[1]
figures = json.load(open(f"{folder}/figures.json"))["figures"]
read = HistogramLogReader(f"{folder}/jitter.hlog", HdrHistogram(1, 60_000_000_000, 3)).get_next_interval_histogram()
assert read is not None and read.get_tag() == "gap", "no histogram with the tag gap"
assert read.get_total_count() > 0, "an empty histogram"
recorded = [(item.value_iterated_to, item.count_added_in_this_iter_step) for item in read.get_recorded_iterator()]
for quantile, name in [(0.5, "gap_p50"), (0.99, "gap_p99"), (0.999, "gap_p999"), (1.0, "max")]:
    # By rank: the two libraries round the rank of a percentile in different ways, which shows where few values are.
    rank, seen = math.ceil(quantile * read.get_total_count()), 0
    for value, count in recorded:
        seen += count
        if seen >= rank:
            break
    ours, theirs = figures[f"jitter.{name}_us"], value / 1e3
    assert abs(ours - theirs) <= ours * 0.002, f"{name}: {ours} here, {theirs} there"
print(f"hdrhistogram reads {read.get_total_count()} gaps as they were written")
PYTHON
