# SPDX-License-Identifier: Apache-2.0
"""script/bench store: a month of calls in the store, and how long questions about them take, asked of a gate over HTTP."""
import argparse
import datetime
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import bench
import lanes
import report
import table

LAST = lanes.ROOT / "build/bench-store.json"
TOKEN = "tga_bench_0123456789abcdef"
NEEDED_BYTES = 1500  # of disk for each call, its log included
PAGE_MS, REPORT_MS = 200, 2000

HEAD = ["question", "asked", "p50 ms", "p95 ms", "longest ms", "aim ms", ""]


def moment(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Gate:
    def __init__(self, tool, folder):
        config = folder / "tollgate.yaml"
        config.write_text(f"listen: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0, token: {TOKEN} }}\n")
        self.process = subprocess.Popen([tool, "serve", "--config", config, "--data", folder / "data"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if "admin=" not in line:
            raise SystemExit("script/bench: the gate did not start")
        self.connection = http.client.HTTPConnection(line.split("admin=")[1].strip(), timeout=60)

    def ask(self, path):
        began = time.perf_counter()
        self.connection.request("GET", path, headers={"authorization": f"Bearer {TOKEN}"})
        answer = self.connection.getresponse()
        body = answer.read()
        ms = (time.perf_counter() - began) * 1000
        if answer.status == 503:
            return None, None
        if answer.status != 200:
            raise SystemExit(f"script/bench: {path}: {answer.status} {body[:300]}")
        return ms, json.loads(body)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def questions(gate, until, calls):
    """(name, aim, path of the n-th time)"""
    month = 30 * 24 * 3600 * 1000
    first, dice = until - month, random.Random(7)
    whole = f"from={moment(first)}&to={moment(until)}"
    when = lambda: first + dice.randrange(month)
    keys = [k["key"] for k in gate.ask("/api/v1/usage?by=key")[1]["data"]]
    newest = gate.ask("/api/v1/calls?limit=1")[1]["data"][0]["id"]
    deep = lambda path: gate.ask(path)[1]["next_cursor"]
    old = gate.ask(f"/api/v1/calls?limit=1&to={moment(first + month // 10)}")[1]["data"][0]
    key, rare = lambda: dice.choice(keys), keys[-1]
    run = lambda: f"run_{dice.randrange(max(calls // 100, 1)):08}"
    hour = lambda at: f"from={moment(at)}&to={moment(at + 3600 * 1000)}"
    vendor = lambda: f"vendor{dice.randrange(12)}"
    pages = [
        ("calls, newest", lambda: "/api/v1/calls"),
        ("calls, next pages", lambda c=[None]: c.__setitem__(0, deep("/api/v1/calls?limit=100" + (f"&cursor={c[0]}" if c[0] else ""))) or f"/api/v1/calls?limit=100&cursor={c[0]}"),
        ("calls of a key", lambda: f"/api/v1/calls?key={key()}"),
        ("calls of the quietest key", lambda: f"/api/v1/calls?key={rare}"),
        ("calls of a vendor", lambda: f"/api/v1/calls?vendor={vendor()}"),
        ("calls of a key at a vendor", lambda: f"/api/v1/calls?key={key()}&vendor={vendor()}"),
        ("calls refused", lambda: "/api/v1/calls?verdict=denied"),
        ("calls refused for a rare reason, of a key", lambda: f"/api/v1/calls?denied=operation_denied&key={key()}"),
        ("calls with status 502", lambda: "/api/v1/calls?status=502"),
        ("calls by label", lambda: f"/api/v1/calls?label=tenant{dice.randrange(40)}"),
        ("calls by credential, of a key", lambda: f"/api/v1/calls?credential={vendor()}-main&key={key()}"),
        ("calls of an hour of the month", lambda: f"/api/v1/calls?{hour(when())}"),
        ("calls of an hour, of a vendor, refused", lambda: f"/api/v1/calls?{hour(when())}&vendor={vendor()}&verdict=denied"),
        ("calls of a run", lambda: f"/api/v1/calls?run={run()}"),
        ("calls of a user (a page may be short)", lambda: f"/api/v1/calls?user=user-{dice.randrange(5000)}"),
        ("calls over an amount that is rare (short)", lambda: "/api/v1/calls?min_cost_usd=0.0199999"),
        ("calls that nothing matches", lambda: f"/api/v1/calls?model=model-none&key={key()}"),
        ("search: a call", lambda: f"/api/v1/calls?q={newest}"),
        ("search: a run", lambda: f"/api/v1/calls?q={run()}"),
        ("search: a vendor's request id (short)", lambda: f"/api/v1/calls?q={old['upstream_request_id']}"),
        ("one call", lambda: f"/api/v1/calls/{old['id']}"),
        ("runs, latest", lambda: "/api/v1/runs"),
        ("runs of a key", lambda: f"/api/v1/runs?key={key()}"),
        ("runs by label", lambda: f"/api/v1/runs?label=tenant{dice.randrange(40)}"),
        ("runs of a day of the month", lambda: (lambda at: f"/api/v1/runs?from={moment(at)}&to={moment(at + 86400000)}")(when())),
        ("runs, by a part of the name", lambda: f"/api/v1/runs?q={dice.randrange(10**5):05}"),
        ("one run's bill", lambda: f"/api/v1/runs/{run()}"),
        ("keys", lambda: "/api/v1/keys"),
        ("budgets", lambda: "/api/v1/budgets"),
        ("stops", lambda: "/api/v1/stops"),
        ("audit, newest", lambda: "/api/v1/audit"),
        ("audit, changes", lambda: "/api/v1/audit?kind=change"),
        ("doubts", lambda: "/api/v1/doubts"),
        ("approvals", lambda: "/api/v1/approvals"),
        ("usage of the last hour, by vendor", lambda: f"/api/v1/usage?by=vendor&{hour(until - 3600 * 1000)}"),
        ("usage of the last day, by key", lambda: f"/api/v1/usage?by=key&from={moment(until - 86400000)}&to={moment(until)}"),
        ("series of the last hour, by minute", lambda: f"/api/v1/series?step=minute&{hour(until - 3600 * 1000)}"),
        ("series of the last day, by hour and vendor", lambda: f"/api/v1/series?step=hour&by=vendor&from={moment(until - 86400000)}&to={moment(until)}"),
    ]
    reports = [
        ("a month by key", f"/api/v1/usage?by=key&{whole}"),
        ("a month by vendor, operation, model", f"/api/v1/usage?by=vendor,operation,model&{whole}"),
        ("a month by label's first part", f"/api/v1/usage?by=label:1&{whole}"),
        ("a month by day and vendor", f"/api/v1/usage?by=day,vendor&{whole}"),
        ("a month by status, refusals, credential", f"/api/v1/usage?by=status_class,denied,credential&{whole}"),
        ("a month of a key, by operation", f"/api/v1/usage?by=operation&key={keys[0]}&{whole}"),
        ("a month's series by day and key", f"/api/v1/series?step=day&by=key&{whole}"),
        ("a month's series by hour and vendor", f"/api/v1/series?step=hour&by=vendor&{whole}"),
        ("all time, by workspace", "/api/v1/usage?by=workspace"),
        ("a month by user", f"/api/v1/usage?by=user&{whole}"),
    ]
    for name, path in pages:
        yield name, PAGE_MS, path
    for name, path in reports:
        yield name, REPORT_MS, lambda path=path: path


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(gate, until, calls, times):
    out = []
    for name, aim, path in questions(gate, until, calls):
        taken = []
        for _ in range(times if aim == PAGE_MS else max(3, times // 5)):
            ms, _ = gate.ask(path())
            if ms is None:
                break
            taken.append(ms)
            if sum(taken) > 30000:
                break
        if not taken:
            out.append({"name": name, "aim": aim, "asked": 0})
            bench.say(f"{name}: given up after 30 s")
            continue
        out.append({"name": name, "aim": aim, "asked": len(taken), "p50": percentile(taken, 0.5), "p95": percentile(taken, 0.95), "most": max(taken)})
        bench.say(f"{name}: p95 {out[-1]['p95']:.1f} ms")
    return out


def rows(result):
    for q in result["questions"]:
        if not q["asked"]:
            yield [q["name"], "0", "-", "-", "-", str(q["aim"]), "given up after 30 s"]
            continue
        met = "" if q["p95"] <= q["aim"] else "**missed**"
        yield [q["name"], str(q["asked"]), f"{q['p50']:.1f}", f"{q['p95']:.1f}", f"{q['most']:.1f}", str(q["aim"]), met]


def block(result):
    m = result["machine"]
    return f"""Measured on {m['date']}, {m['cpu']}, {m['cores']} cores, data on {m['filesystem']}, Tollgate {m['commit']}{' with changes on top' if m['changed'] else ''}, load average
{m['load_before']:.1f} before, {result['load_after']:.1f} after (with others at work on it, a question waits for them, too). {result['rows']:,} rows of {result['calls']:,} calls were written in {result['seconds']:.0f} s ({result['rows'] / result['seconds']:,.0f} a second, sums
included); the database has {result['bytes'] / 1e9:.1f} GB; the gate has {result['memory_mib']:.0f} MiB of memory after all that.

{report.markdown_table(HEAD, list(rows(result)))}"""


def run(calls, times, release, folder):
    until = int(time.time() * 1000)
    machine = report.machine(folder)
    data = folder / "data"
    data.mkdir(mode=0o700)
    bench.say(f"{calls:,} calls are written")
    filled = json.loads(subprocess.run([release / "store_bench", data, str(calls), str(until)], check=True, capture_output=True, text=True).stdout)
    bench.say(f"{filled['rows']:,} rows in {filled['seconds']:.0f} s")
    gate = Gate(release / "tollgate", folder)
    try:
        found = measure(gate, until, calls, times)
        memory = lanes.resident_kib([gate.process.pid]) / 1024
    finally:
        gate.stop()
    return {"calls": calls, "rows": filled["rows"], "seconds": filled["seconds"], "questions": found, "machine": machine, "memory_mib": memory, "load_after": os.getloadavg()[0],
            "bytes": (data / "tollgate.db").stat().st_size}


def main(words):
    options = argparse.ArgumentParser(prog="script/bench store")
    options.add_argument("--write", action="store_true", help="write the section of docs/benchmarks.md")
    options.add_argument("--calls", type=int, default=10_000_000)
    options.add_argument("--times", type=int, default=40, help="how often each question is asked")
    options.add_argument("--release", type=pathlib.Path, default=lanes.ROOT / "build/release", help="where the programs are")
    options.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()), help="where the data goes, and is removed again")
    chosen = options.parse_args(words)
    if chosen.write and chosen.calls < 10_000_000:
        sys.exit("script/bench: --write needs ten million calls")
    if shutil.disk_usage(chosen.folder).free < chosen.calls * NEEDED_BYTES:
        sys.exit(f"script/bench: {chosen.calls * NEEDED_BYTES / 1e9:.0f} GB of disk are needed in {chosen.folder}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tollgate-bench-", dir=chosen.folder))
    try:
        result = run(chosen.calls, chosen.times, chosen.release, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    LAST.parent.mkdir(exist_ok=True)
    LAST.write_text(json.dumps(result, indent=1))
    print("\n" + report.plain_table(HEAD, list(rows(result))))
    if chosen.write:
        table.write_section("store", block(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
