# SPDX-License-Identifier: Apache-2.0
"""Turns what was measured into tables: for the terminal, and docs/benchmarks.md."""
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess

import cases
from lanes import HERE, ROOT

NOISE = 0.05  # share of the gate's core that others took: above it a run is called disturbed
FULL, FREE = 0.95, 0.90


def said(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, timeout=20)
        return done.stdout.decode(errors="replace").strip()
    except OSError:
        return ""


def from_file(path, pattern):
    found = re.search(pattern, pathlib.Path(path).read_text(), re.M)
    return found[1].strip() if found else "unknown"


def machine(folder):
    lock = json.loads((HERE / "package-lock.json").read_text())["packages"]
    version = lambda name: lock.get(f"node_modules/{name}", {}).get("version", "?")
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "cpu": from_file("/proc/cpuinfo", r"^model name\s*: (.*)$"),
        "cores": os.cpu_count(),
        "virtual": "hypervisor" in from_file("/proc/cpuinfo", r"^flags\s*: (.*)$").split(),
        "memory_gib": round(int(from_file("/proc/meminfo", r"^MemTotal:\s+(\d+)")) / 2**20),
        "kernel": ".".join(platform.release().split("-")[0].split(".")[:2]),
        "system": from_file("/etc/os-release", r'^PRETTY_NAME="(.*)"$'),
        "filesystem": said("df", "--output=fstype", str(folder)).split()[-1],
        "load_before": os.getloadavg()[0],
        "compiler": said("cc", "--version").splitlines()[0],
        "commit": said("git", "rev-parse", "--short=12", "HEAD") or "unknown",
        "changed": bool(said("git", "status", "--porcelain", "--untracked-files=no", "--", "src", "vendors", "catalog", "Makefile")),
        "nginx": said("nginx", "-v").split("/")[-1],
        "wrk": said("wrk", "-v").split()[1].removeprefix("debian/"),
        "node": said("node", "--version").lstrip("v"),
        "portkey": version("@portkey-ai/gateway"),
        "hono_node_server": version("@hono/node-server"),
    }


def median(runs, field):
    return statistics.median(run[field] for run in runs)


def ratio(runs, base, field):
    """The median of each round's ratio to nginx's in the same round."""
    pairs = [run[field] / other[field] for run, other in zip(runs, base) if other[field]]
    return statistics.median(pairs) if pairs else None


def times(value):
    return f"{value:.2f}" if value is not None else ""


def ms(us):
    return f"{us / 1000:.2f}"


def notes(runs):
    """What a reader must know about a row."""
    found = []
    errors, refused = sum(r["socket_errors"] for r in runs), sum(r["not_2xx"] for r in runs)
    if errors:
        found.append(f"{errors} socket errors")
    if refused:
        found.append(f"{refused} answers not 2xx")
    capped = sum(r["load_busy"] > FULL and r["gate_busy"] < FREE for r in runs)
    if capped:
        found.append(f"the load's core was the limit in {capped} of {len(runs)}")
    disturbed = sum(r["foreign"] > NOISE for r in runs)
    if disturbed:
        found.append(f"disturbed in {disturbed} of {len(runs)}")
    behind = max(r["behind_s"] for r in runs)
    if behind > 0.2:
        found.append(f"filed for {behind:.1f} s more")
    return "; ".join(found)


HEAD = ["gate", "req/s", "x nginx", "p50 ms", "p99 ms", "x nginx", "CPU us/req", "x nginx", "notes"]


def case_rows(result, name):
    loads = result["loads"][name]
    base = loads.get("nginx", [])
    for lane, runs in loads.items():
        if not runs:
            continue
        yield [result["lanes"][lane]["title"], f"{median(runs, 'rps'):,.0f}", times(ratio(runs, base, "rps")), ms(median(runs, "p50_us")),
               ms(median(runs, "p99_us")), times(ratio(runs, base, "p99_us")), f"{median(runs, 'cpu_us'):.1f}",
               times(ratio(runs, base, "cpu_us")), notes(runs)]


def first_rows(result):
    base = result["first"].get("nginx")
    for lane, each in result["first"].items():
        yield [result["lanes"][lane]["title"], f"{each['p50_us']:,.0f}", times(each["p50_us"] / base["p50_us"]) if base else "",
               f"{each['p99_us']:,.0f}", times(each["p99_us"] / base["p99_us"]) if base else ""]


def memory_rows(result):
    for lane, each in result["memory"].items():
        per = (each["streams_kib"] - each["idle_kib"]) / result["streams"]
        yield [result["lanes"][lane]["title"], f"{each['idle_kib'] / 1024:.1f}", f"{each['streams_kib'] / 1024:.1f}", f"{per:.1f}"]


FIRST_HEAD = ["gate", "p50 us", "x nginx", "p99 us", "x nginx"]
MEMORY_HEAD = ["gate", "idle MiB", "with streams MiB", "KiB a stream"]


def tables(result):
    for case in cases.CASES:
        if result["loads"].get(case.name):
            yield case.title, HEAD, list(case_rows(result, case.name))
    if result["first"]:
        yield "first streamed byte", FIRST_HEAD, list(first_rows(result))
    if result["memory"]:
        yield f"memory, {result['streams']:,} open streams", MEMORY_HEAD, list(memory_rows(result))


def aims(result):
    """The aims, each with what came out."""
    loads = result["loads"].get("chat-1k", {})
    if loads.get("governed") and loads.get("nginx"):
        throughput, tail = (ratio(loads["governed"], loads["nginx"], f) for f in ("rps", "p99_us"))
        yield "governed, 1 KB chat: at least 1.3 times nginx's req/s", f"{throughput:.2f}", throughput >= 1.3
        yield "governed, 1 KB chat: p99 no worse than nginx's", f"{tail:.2f} times", tail <= 1.0
    first = result["first"]
    if "governed" in first and "nginx" in first:
        slower = first["governed"]["p50_us"] / first["nginx"]["p50_us"]
        yield "first streamed byte within 1.2 times nginx's", f"{slower:.2f} times", slower <= 1.2


def disturbances(result):
    """A sentence where others used the machine too much for the figures to be trusted; else nothing."""
    runs = [run for case in result["loads"].values() for lane in case.values() for run in lane]
    hit = sum(run["foreign"] > NOISE for run in runs)
    if hit * 5 <= len(runs):
        return ""
    return f"Others used the gate's core in {hit} of {len(runs)} runs: take only CPU us/req seriously, and repeat the run on a quiet machine"


def plain_table(head, rows):
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    line = lambda row: "  ".join(str(c).ljust(w) if i in (0, 8) else str(c).rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip()
    return "\n".join([line(head), *map(line, rows)])


def terminal(result):
    parts = [f"\n{title}\n" + plain_table(head, rows) for title, head, rows in tables(result)]
    parts += [""] + [f"{'reached' if good else 'missed '}  {aim}: {value}" for aim, value, good in aims(result)]
    parts += [f"wrong: {why}" for why in result["wrong"]] + [disturbances(result)]
    return "\n".join(parts).rstrip()


def markdown_table(head, rows):
    align = [":--" if i in (0, 8) else "--:" for i in range(len(head))]
    line = lambda row: "| " + " | ".join(map(str, row)) + " |"
    return "\n".join([line(head), line(align), *map(line, rows)])


def section(name):
    """What script/bench ledger, saas, translate, routes, semantic or store wrote into the page stays there."""
    return re.search(f"<!-- {name} -->.*<!-- /{name} -->", (ROOT / "docs/benchmarks.md").read_text(), re.S)[0]


def document(result):
    text = (HERE / "benchmarks.md.in").read_text()
    m, plan = result["machine"], result["plan"]
    facts = {
        **m, **plan, "connections": result["connections"], "streams": f"{result['streams']:,}",
        "virtual": "virtual, " if m["virtual"] else "",
        "changed": " with changes on top" if m["changed"] else "",
        "load_before": f"{m['load_before']:.1f}",
        "tables": "\n\n".join(f"### {title[0].upper()}{title[1:]}\n\n" + markdown_table(head, rows) for title, head, rows in tables(result)),
        "aims": markdown_table(["aim", "measured", ""], [[aim, value, "reached" if good else "missed"] for aim, value, good in aims(result)]),
        "lanes": "\n".join(f"* **{each['title']}**: {each['why']}." for each in result["lanes"].values()),
        "wrong": "".join(f"\n* Left out: {why}." for why in result["wrong"]),
        "ledger": section("ledger"),
        "saas": section("saas"),
        "translate": section("translate"),
        "routes": section("routes"),
        "semantic": section("semantic"),
        "store": section("store"),
        "disturbed": f"\n**{disturbances(result)}.**\n" if disturbances(result) else "",
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda hit: str(facts[hit[1]]), text)
