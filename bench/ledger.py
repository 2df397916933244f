# SPDX-License-Identifier: Apache-2.0
"""script/bench ledger: what the books cost. The ledger and the journal alone, by bench/ledger.c; and what waiting for the disk
costs the gate, by its three modes of durability, with the lanes and loads of script/bench."""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import bench
import cases
import lanes
import report
import table

LAST = lanes.ROOT / "build/bench-ledger.json"
PROGRAM = lanes.ROOT / "build/release/ledger_bench"
MODES = ["relaxed", "money", "strict"]
CASES = [case for case in cases.CASES if case.name in ("chat-1k", "charge")]


def part(name, folder):
    """One run of a part of bench/ledger.c: name -> number."""
    place = pathlib.Path(tempfile.mkdtemp(dir=folder))
    done = subprocess.run([PROGRAM, name, place], stdout=subprocess.PIPE, text=True)
    shutil.rmtree(place)
    if done.returncode:
        sys.exit(f"script/bench: ledger_bench {name} ended with {done.returncode}")
    return {key: float(value) for key, value in (line.split() for line in done.stdout.splitlines())}


def measure_parts(folder, rounds):
    """Parts take turns; each figure's median over the rounds."""
    names = ["alone", "rolling", "same", "apart", "many", "append", "recover"]
    runs = {name: [] for name in names}
    for number in range(rounds):
        bench.say(f"ledger and journal, round {number + 1} of {rounds}")
        for name in names:
            runs[name].append(part(name, folder))
    return {name: {key: statistics.median(run[key] for run in each) for key in each[0]} for name, each in runs.items()}


def mode_lane(mode):
    return type(mode, (lanes.Governed,), {"title": mode, "more": {"durability": mode}})


def measure_modes(folder, plan):
    """Calls per second of the gate in each mode, case by case; they take turns."""
    upstream = lanes.Upstream("upstream", folder, plan.load_cores)
    wrong, loads = [], {}
    try:
        upstream.start()
        gates = [mode_lane(mode)(mode, folder, plan.gate_core, upstream) for mode in MODES]
        for case in CASES:
            loads[case.name] = bench.run_case(case, gates, upstream, plan, wrong)
    finally:
        upstream.stop()
    return {"loads": loads, "wrong": wrong}


def part_rows(parts):
    """What was measured, how it came out, and the aim, as far as there is one: (text, reached)."""
    call = lambda name: parts[name]["ns_a_call"]
    many, recover = parts["many"], parts["recover"]
    ns = lambda value: f"{value:,.0f} ns"
    yield "reserve and settle four accounts", ns(call("alone")), ("under 1,000 ns", call("alone") < 1000)
    yield "the same, four rolling ones, a new sub-window every 1,000 calls", ns(call("rolling")), ("under 1,000 ns", call("rolling") < 1000)
    yield "two threads, each its own four", ns(call("apart")), ("under 1,000 ns", call("apart") < 1000)
    yield "two threads, the same four", ns(call("same")), None
    yield "four of a million accounts, by chance", ns(call("many")), None
    yield "a million accounts: memory of each", f"{many['bytes_an_account']:,.0f} bytes", None
    yield "a million accounts: the slowest first call of one", f"{many['slowest_first_call_us']:,.0f} us", None
    yield "a million accounts: visiting all", f"{many['walk_ms']:,.0f} ms", None
    yield "a million accounts: sweep, none is over", f"{many['sweep_nothing_ms']:,.0f} ms", None
    yield "a million accounts: sweep, all are over", f"{many['sweep_all_ms']:,.0f} ms", None
    yield "journal: hold and row of a call", ns(call("append")), None
    yield f"recovery of a million records ({recover['journal_mib']:,.0f} MiB)", f"{recover['seconds']:.1f} s", ("under 2 s", recover["seconds"] < 2)
    yield "its CPU time, without waiting for the disk", f"{recover['cpu_seconds']:.1f} s", None


def mode_rows(modes):
    for case in CASES:
        loads = modes["loads"].get(case.name, {})
        base = loads.get("relaxed", [])
        for mode, runs in loads.items():
            if not runs:
                continue
            kept = report.ratio(runs, base, "rps")
            aim = ("at least 0.90", kept is not None and kept >= 0.9) if (case.name, mode) == ("chat-1k", "money") else None
            yield case.title, mode, f"{report.median(runs, 'rps'):,.0f}", report.times(kept), report.ms(report.median(runs, "p50_us")), \
                report.ms(report.median(runs, "p99_us")), aim, report.notes(runs)


PART_HEAD = ["what", "measured", "aim", ""]
MODE_HEAD = ["case", "durability", "req/s", "x relaxed", "p50 ms", "p99 ms", "aim", "", "notes"]


def with_aim(row, at):
    """A row with its aim, or none, spread over two cells."""
    aim = row[at]
    return [*row[:at], *((aim[0], "reached" if aim[1] else "missed") if aim else ("", "")), *row[at + 1:]]


def tables(result):
    yield "ledger and journal", PART_HEAD, [with_aim(row, 2) for row in part_rows(result["parts"])]
    if result["modes"]:
        yield "the gate with four budgets, by durability", MODE_HEAD, [with_aim(row, 6) for row in mode_rows(result["modes"])]


def block(result):
    m = result["machine"]
    shown = "\n\n".join(f"**{title[0].upper()}{title[1:]}**\n\n" + report.markdown_table(head, rows) for title, head, rows in tables(result))
    return f"""Measured on {m['date']}, {m['cpu']}, {m['cores']} cores, data on {m['filesystem']}, Tollgate {m['commit']}{' with changes on top' if m['changed'] else ''}, load average
{m['load_before']:.1f} before; medians of {result['rounds']} rounds.

{shown}"""


def main(words):
    options = argparse.ArgumentParser(prog="script/bench ledger")
    options.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    options.add_argument("--no-gate", action="store_true", help="leave out the gate's modes of durability")
    chosen = options.parse_args(words)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tollgate-bench-"))
    plan = bench.Plan(rounds=int(os.environ.get("BENCH_ROUNDS", 3)), seconds=int(os.environ.get("BENCH_SECONDS", 4)), firsts=0,
                      gate_core=os.environ.get("BENCH_GATE_CORE", "0"), load_cores=os.environ.get("BENCH_LOAD_CORES", "1"))
    try:
        machine = report.machine(folder)
        parts = measure_parts(folder, plan.rounds)
        modes = {} if chosen.no_gate else measure_modes(folder, plan)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {"parts": parts, "modes": modes, "machine": machine, "rounds": plan.rounds}
    LAST.write_text(json.dumps(result, indent=1))
    for title, head, rows in tables(result):
        print(f"\n{title}\n" + report.plain_table(head, rows))
    wrong = modes.get("wrong", [])
    print("".join(f"wrong: {why}\n" for why in wrong), end="")
    if chosen.write and wrong:
        sys.exit("script/bench: not all could be measured; docs/benchmarks.md stays as it is")
    if chosen.write:
        table.write_section("ledger", block(result))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
