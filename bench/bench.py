# SPDX-License-Identifier: Apache-2.0
"""script/bench: measures the gates side by side and prints, or writes, what came out.

The lanes take turns in every round, so that what else the machine does meets all alike; what is shown are medians, and the
median of each round's ratio to nginx."""
import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import sys
import tempfile

import cases
import lanes
import measure
import report

LAST = lanes.ROOT / "build/bench.json"
STREAMS = 1000


@dataclasses.dataclass
class Plan:
    rounds: int
    seconds: int
    firsts: int
    gate_core: str
    load_cores: str

    @property
    def load_core_count(self):
        return sum(int(r.split("-")[-1]) - int(r.split("-")[0]) + 1 for r in self.load_cores.split(","))


def say(text):
    print(f"\033[1m==>\033[0m {text}", file=sys.stderr, flush=True)


def lanes_of(folder, plan, upstream):
    kinds = [lanes.Floor, lanes.Nginx, lanes.Portkey, lanes.Bare, lanes.Governed]
    if not (lanes.HERE / "node_modules/@portkey-ai/gateway").exists():
        say("Portkey's gateway is not installed (node and npm): its lane is left out")
        kinds.remove(lanes.Portkey)
    return [kind(kind.__name__.lower(), folder, plan.gate_core, upstream) for kind in kinds]


def keep_right(gates, upstream, case, wrong):
    """The lanes whose answers are right; the others are named with their reason."""
    right = []
    for gate in gates:
        try:
            measure.check(gate, upstream, case)
            right.append(gate)
        except measure.Wrong as e:
            say(f"left out: {e}")
            wrong.append(str(e))
    return right


def run_case(case, gates, upstream, plan, wrong):
    started = [gate for gate in gates if gate.takes(case)]
    answered, runs = {}, {}
    try:
        for gate in started:
            gate.start()
        gates = keep_right(started, upstream, case, wrong)
        for gate in gates:
            warm = measure.load(gate, upstream, case, 1, plan)
            answered[gate.name] = measure.CHECKS + warm["requests"]
            runs[gate.name] = []
        for number in range(plan.rounds):
            for gate in gates:
                run = measure.load(gate, upstream, case, plan.seconds, plan)
                answered[gate.name] += run["requests"]
                runs[gate.name].append(run)
            say(f"{case.title}, round {number + 1} of {plan.rounds}: " + ", ".join(f"{g.name} {runs[g.name][-1]['rps']:,.0f}/s" for g in gates))
        for gate in gates:
            if gate.governs:
                measure.check_books(gate, case, answered[gate.name], plan.rounds + 1)
    except measure.Wrong as e:
        say(str(e))
        wrong.append(str(e))
    finally:
        for gate in started:
            gate.stop()
            shutil.rmtree(gate.folder, ignore_errors=True)
    return runs


def run_first_bytes(gates, plan, wrong):
    try:
        for gate in gates:
            gate.start()
        say(f"first streamed byte, {plan.firsts} streams through each")
        return measure.first_bytes(gates, plan.firsts, plan)
    except measure.Wrong as e:
        say(str(e))
        wrong.append(str(e))
        return {}
    finally:
        for gate in gates:
            gate.stop()


def run_memory(gates, plan, wrong):
    result = {}
    for gate in gates:
        say(f"memory of {gate.name}, idle and with {STREAMS:,} open streams")
        try:
            result[gate.name] = measure.memory(gate.start(), STREAMS, plan)
        except measure.Wrong as e:
            say(str(e))
            wrong.append(str(e))
        finally:
            gate.stop()
    return result


def run_all(plan, only):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tollgate-bench-"))
    upstream = lanes.Upstream("upstream", folder, plan.load_cores)
    wrong, loads, machine = [], {}, report.machine(folder)
    try:
        upstream.start()
        gates = lanes_of(folder, plan, upstream)
        for case in cases.CASES:
            if not only or case.name in only:
                loads[case.name] = run_case(case, gates, upstream, plan, wrong)
        first = run_first_bytes(gates, plan, wrong) if not only or "first" in only else {}
        memory = run_memory(gates, plan, wrong) if not only or "memory" in only else {}
        titles = {gate.name: {"title": gate.title, "why": gate.why} for gate in gates}
        return {"lanes": titles, "loads": loads, "first": first, "memory": memory, "wrong": wrong, "plan": dataclasses.asdict(plan),
                "connections": measure.CONNECTIONS, "streams": STREAMS, "machine": machine}
    finally:
        upstream.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    options = argparse.ArgumentParser(prog="script/bench")
    options.add_argument("how", nargs="?", choices=["full", "quick"], default="full", help="quick: one short round, for a look")
    options.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options.add_argument("--last", action="store_true", help="do not measure: show the last run again")
    options.add_argument("--only", help="cases, by comma: " + ", ".join(c.name for c in cases.CASES) + ", first, memory")
    chosen = options.parse_args()
    quick = chosen.how == "quick"
    plan = Plan(rounds=int(os.environ.get("BENCH_ROUNDS", 2 if quick else 5)), seconds=int(os.environ.get("BENCH_SECONDS", 2 if quick else 4)),
                firsts=100 if quick else 500, gate_core=os.environ.get("BENCH_GATE_CORE", "0"), load_cores=os.environ.get("BENCH_LOAD_CORES", "1"))
    if (os.cpu_count() or 1) < 2:
        sys.exit("script/bench: two cores are needed, one for the gate and one for the load")
    if chosen.write and chosen.only:
        sys.exit("script/bench: --write needs all cases")
    if chosen.last:
        result = json.loads(LAST.read_text())
    else:
        result = run_all(plan, chosen.only.split(",") if chosen.only else [])
        LAST.write_text(json.dumps(result, indent=1))
    print(report.terminal(result))
    if chosen.write and not (len(result["loads"]) == len(cases.CASES) and result["first"] and result["memory"]):
        sys.exit("script/bench: what was measured is not the whole; docs/benchmarks.md stays as it is")
    if chosen.write:
        (lanes.ROOT / "docs/benchmarks.md").write_text(report.document(result))
        say("wrote docs/benchmarks.md")
    sys.exit(1 if result["wrong"] else 0)


if __name__ == "__main__":
    main()
