# SPDX-License-Identifier: Apache-2.0
"""One measurement each: a load, first streamed bytes, memory under open streams."""
import decimal
import json
import os
import pathlib
import statistics
import subprocess
import time

import cases
from lanes import HERE, ROOT, ask, cpu_seconds, plain_environment, resident_kib

CONNECTIONS = 64
CHECKS = 20
QUIET = 0.3  # seconds without work after which a gate has nothing left to do
QUIET_MOST = 60
PROBE = ROOT / "build/release/probe"


class Wrong(Exception):
    """A lane gives wrong answers: its numbers would mean nothing."""


def core_busy(core):
    """Seconds this core was not idle since the machine started, whoever used it."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            ticks = [int(n) for n in line.split()[1:9]]
            return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
    return 0.0


def wait_until_quiet(gate):
    """A gate may file what it did after it answered. This belongs to the requests' price: how long it went on."""
    began = time.monotonic()
    busy, last, changed = began, cpu_seconds(gate.pids()), began
    while time.monotonic() - changed < QUIET and time.monotonic() - began < QUIET_MOST:
        time.sleep(0.05)
        now = cpu_seconds(gate.pids())
        if now - last > 0.011:  # more than a tick: work, not a timer
            busy = changed = time.monotonic()
            last = now
    return busy - began


def load(gate, upstream, case, seconds, plan):
    """wrk against one lane."""
    wait_until_quiet(gate)
    body = gate.folder / f"{case.name}.body"
    body.write_bytes(case.body)
    command = ["taskset", "-c", plan.load_cores, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", HERE / "load.lua",
               f"http://127.0.0.1:{gate.port}{case.path}", "--", body, *[f"{n}={v}" for n, v in gate.headers(case).items()]]
    gate_before, upstream_before = cpu_seconds(gate.pids()), cpu_seconds(upstream.pids())
    core_before, began = core_busy(plan.gate_core), time.monotonic()
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, env=plain_environment())
    said = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    wall = time.monotonic() - began
    if status != 0:
        raise Wrong(f"{gate.name}: wrk failed: {said[-300:]}")
    gate_cpu, core = cpu_seconds(gate.pids()) - gate_before, core_busy(plan.gate_core) - core_before
    generator = cpu_seconds(upstream.pids()) - upstream_before + usage.ru_utime + usage.ru_stime
    behind = wait_until_quiet(gate)
    w = json.loads(said.strip().splitlines()[-1])
    return {
        "requests": w["requests"], "rps": w["requests"] / (w["us"] / 1e6), "p50_us": w["p50"], "p99_us": w["p99"],
        "socket_errors": w["connect"] + w["read"] + w["write"] + w["timeout"], "not_2xx": w["status"],
        "cpu_us": (cpu_seconds(gate.pids()) - gate_before) * 1e6 / max(1, w["requests"]),
        "gate_busy": gate_cpu / wall, "load_busy": generator / wall / plan.load_core_count,
        "foreign": max(0.0, core - gate_cpu) / wall, "behind_s": behind,
    }


def check(gate, upstream, case):
    """Right answers, one by one; where the gate keeps books: a row each and the right cost, to the last digit."""
    headers = {"content-type": case.content_type}
    reference = ask(upstream.port, case.path, headers, case.body_of(0))[1]
    before = gate.booked() if gate.governs else None
    for number in range(CHECKS):
        status, body = ask(gate.port, case.path, gate.headers(case), case.body_of(number))
        why = cases.wrong(case, status, body, reference)
        if why:
            raise Wrong(f"{gate.name}, {case.title}: {why}")
    if not gate.governs:
        return
    after = gate.booked()
    calls, cost = after[0] - before[0], decimal.Decimal(after[1]) - decimal.Decimal(before[1])
    if calls != CHECKS or cost != CHECKS * decimal.Decimal(case.cost_usd):
        raise Wrong(f"{gate.name}, {case.title}: {CHECKS} calls were sent, the books say {calls} calls and {cost} usd")


def check_books(gate, case, answered, loads):
    """After the loads: no answer without its row and its cost. wrk hangs up on what is under way when its time is over."""
    calls, cost = gate.booked()
    most = answered + loads * CONNECTIONS
    if not answered <= calls <= most:
        raise Wrong(f"{gate.name}, {case.title}: {answered} answers came, the books say {calls} calls")
    if decimal.Decimal(cost) < answered * decimal.Decimal(case.cost_usd):
        raise Wrong(f"{gate.name}, {case.title}: {answered} answers came, the books say {cost} usd")
    return calls


def raw_request(gate, case, name):
    """A whole request in a file, for the probe."""
    path = gate.folder / name
    fields = {"host": f"127.0.0.1:{gate.port}", **gate.headers(case), "content-length": len(case.body)}
    head = f"POST {case.path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields.items()) + "\r\n"
    path.write_bytes(head.encode() + case.body)
    return path


def first_bytes(gates, count, plan):
    """Microseconds from a stream's request to the first byte of its body, for each lane."""
    arguments = []
    for gate in gates:
        arguments += [gate.port, raw_request(gate, cases.CASES[0], "warm.raw"), raw_request(gate, cases.PACED, "paced.raw")]
    command = ["taskset", "-c", plan.load_cores, PROBE, "first", count, *arguments]
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=plain_environment())
    if done.returncode != 0:
        raise Wrong(f"first streamed byte: {done.stderr.decode().strip()}")
    result = {}
    for gate, line in zip(gates, done.stdout.decode().splitlines()):
        us = sorted(int(n) for n in line.split())
        result[gate.name] = {"p50_us": statistics.median(us), "p99_us": us[min(len(us) - 1, len(us) * 99 // 100)]}
    return result


def memory(gate, count, plan):
    """KiB resident: freshly started and having answered a few calls, and with `count` streams open."""
    check(gate, gate.upstream, cases.CASES[0])
    wait_until_quiet(gate)
    idle = resident_kib(gate.pids())
    command = ["taskset", "-c", plan.load_cores, PROBE, "open", count, gate.port, raw_request(gate, cases.PACED, "paced.raw")]
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, env=plain_environment())
    line = process.stdout.readline().decode()
    time.sleep(1)
    under = resident_kib(gate.pids())
    whole = process.poll() is None and line.strip() == f"open {count}"
    process.kill()
    process.wait()
    if not whole:
        raise Wrong(f"{gate.name}: {count} streams could not be held open")
    return {"idle_kib": idle, "streams_kib": under}
