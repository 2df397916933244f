# SPDX-License-Identifier: Apache-2.0
"""script/bench semantic: the semantic cache's index by itself, filled with vectors of a usual size, and looked up."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import bench
import lanes
import report
import table

LAST = lanes.ROOT / "build/bench-semantic.json"
TOOL = lanes.ROOT / "build/release/semantic_bench"

HEAD = ["vectors", "dimensions", "added s", "graphs made s", "memory MiB", "p50 ms", "p99 ms", "longest ms", "looking at all ms", "found of what that finds"]


def measure(counts, dimensions):
    results = []
    for count in counts:
        bench.say(f"{count:,} vectors of {dimensions:,} dimensions")
        results.append(json.loads(subprocess.run([TOOL, str(count), str(dimensions)], check=True, capture_output=True, text=True).stdout))
    return results


def rows(result):
    for r in result["sizes"]:
        yield [f"{r['entries']:,}", f"{r['dimensions']:,}", f"{r['add_s']:.1f}", f"{r['build_s']:.0f}", f"{r['memory_mib']:,.0f}", f"{r['p50_ms']:.2f}", f"{r['p99_ms']:.2f}", f"{r['most_ms']:.2f}",
               f"{r['exact_ms']:.1f}", f"{r['recall_percent']:.1f} % of {r['checked']}"]


def block(result):
    m = result["machine"]
    return f"""Measured on {m['date']}, {m['cpu']}, {m['cores']} cores, Tollgate {m['commit']}{' with changes on top' if m['changed'] else ''}, load average
{m['load_before']:.1f} before, {result['load_after']:.1f} after. One thread builds, one asks; vectors in clusters of 50, a question is one of them with noise.

{report.markdown_table(HEAD, list(rows(result)))}"""


def main(words):
    options = argparse.ArgumentParser(prog="script/bench semantic")
    options.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    options.add_argument("--only", help="numbers of vectors, by comma: 1000,10000,100000")
    options.add_argument("--dimensions", type=int, default=1536)
    chosen = options.parse_args(words)
    if chosen.write and chosen.only:
        sys.exit("script/bench: --write needs all sizes")
    counts = [int(n) for n in (chosen.only or "1000,10000,100000").split(",")]
    machine = report.machine(pathlib.Path(tempfile.gettempdir()))
    result = {"sizes": measure(counts, chosen.dimensions), "machine": machine, "load_after": os.getloadavg()[0]}
    LAST.write_text(json.dumps(result, indent=1))
    print("\n" + report.plain_table(HEAD, list(rows(result))))
    if chosen.write:
        table.write_section("semantic", block(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
