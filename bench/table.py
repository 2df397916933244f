# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks with one table have in common: their command line, the measuring, the section of docs/benchmarks.md."""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

import bench
import lanes
import report

PAGE = lanes.ROOT / "docs/benchmarks.md"


@dataclasses.dataclass
class Table:
    name: str   # of the section, and of `script/bench NAME`
    about: str  # what --only chooses from: "cases"
    names: list
    cases: object  # of the names chosen: the cases that are measured
    gates: object  # of the names chosen: the lanes that each of them is asked of
    head: list
    rows: object   # of a result: the table's rows


def write_section(name, text):
    """The section between `<!-- name -->` and `<!-- /name -->`, anew."""
    block = f"<!-- {name} -->\n{text}\n<!-- /{name} -->"
    PAGE.write_text(re.sub(f"<!-- {name} -->.*<!-- /{name} -->", lambda _: block, PAGE.read_text(), flags=re.S))
    bench.say("wrote the section of docs/benchmarks.md")


def measure(table, plan, only):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tollgate-bench-"))
    upstream = lanes.Upstream("upstream", folder, plan.load_cores)
    wrong, loads, machine = [], {}, report.machine(folder)
    try:
        upstream.start()
        gates = [kind(kind.__name__.lower(), folder, plan.gate_core, upstream) for kind in table.gates(only)]
        for case in table.cases(only):
            loads[case.name] = bench.run_case(case, gates, upstream, plan, wrong)
    finally:
        upstream.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return {"loads": loads, "wrong": wrong, "machine": machine, "plan": dataclasses.asdict(plan)}


def section(table, result):
    m, plan = result["machine"], result["plan"]
    disturbed = report.disturbances(result)
    return f"""Measured on {m['date']}, {m['cpu']}, {m['cores']} cores, data on {m['filesystem']}, Tollgate {m['commit']}{' with changes on top' if m['changed'] else ''}, load average
{m['load_before']:.1f} before; medians of {plan['rounds']} rounds of {plan['seconds']} s.{f' **{disturbed}.**' if disturbed else ''}

{report.markdown_table(table.head, list(table.rows(result)))}"""


def main(table, words):
    options = argparse.ArgumentParser(prog=f"script/bench {table.name}")
    options.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    options.add_argument("--only", help=f"{table.about}, by comma: " + ", ".join(table.names))
    chosen = options.parse_args(words)
    if chosen.write and chosen.only:
        sys.exit(f"script/bench: --write needs all {table.about}")
    plan = bench.Plan(rounds=int(os.environ.get("BENCH_ROUNDS", 3)), seconds=int(os.environ.get("BENCH_SECONDS", 3)), firsts=0,
                      gate_core=os.environ.get("BENCH_GATE_CORE", "0"), load_cores=os.environ.get("BENCH_LOAD_CORES", "1"))
    result = measure(table, plan, chosen.only.split(",") if chosen.only else table.names)
    (lanes.ROOT / f"build/bench-{table.name}.json").write_text(json.dumps(result, indent=1))
    print("\n" + report.plain_table(table.head, list(table.rows(result))))
    print("".join(f"wrong: {why}\n" for why in result["wrong"]) + report.disturbances(result))
    if chosen.write and result["wrong"]:
        sys.exit("script/bench: not all could be measured; docs/benchmarks.md stays as it is")
    if chosen.write:
        write_section(table.name, section(table, result))
    return 1 if result["wrong"] else 0
