# SPDX-License-Identifier: Apache-2.0
"""The gates under test, each a process group on the gate's core with a folder of its own, and the vendor behind them."""
import http.client
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import time

from cases import KEY

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
ADMIN_TOKEN = "admin-token-of-the-benchmark"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _before_exec():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def plain_environment(**more):
    """What this machine says about proxies must reach no gate."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp"), **more}


def start(cores, command, folder, env=None):
    """One process, pinned; what it says goes to files in its folder."""
    with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
        return subprocess.Popen(["taskset", "-c", cores, *map(str, command)], cwd=folder, stdout=out, stderr=err,
                                stdin=subprocess.DEVNULL, env=plain_environment(**(env or {})), preexec_fn=_before_exec)


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def children(pid):
    """`pid` and all below it."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += children(int(child))
    return found


def cpu_seconds(pids):
    """User and system time, threads that ended included."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_kib(pids):
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total


def ask(port, path, headers, body=None, method="POST"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    result = answer.status, answer.read()
    connection.close()
    return result


class Server:
    """A process with a port. Ready means: it accepts connections."""

    def __init__(self, name, folder, cores):
        self.name, self.cores, self.port = name, cores, free_port()
        self.folder = folder / name
        self.process = None

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.process = start(self.cores, self.command(), self.folder, self.environment())
        deadline = time.monotonic() + 30
        while not self.accepts():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.name} did not start: " + (self.folder / "err").read_text()[-2000:])
            time.sleep(0.05)
        return self

    def accepts(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process:
            stop(self.process)

    def environment(self):
        return {}

    def pids(self):
        return children(self.process.pid)


class Upstream(Server):
    def command(self):
        return [ROOT / "build/release/upstream", self.port]


class Gate(Server):
    """A lane. `governs`: its rows and sums can be asked for."""

    governs = False

    def __init__(self, name, folder, cores, upstream):
        super().__init__(name, folder, cores)
        self.upstream = upstream

    def headers(self, case):
        return {"authorization": f"Bearer {KEY}", "content-type": case.content_type, **dict(case.fields)}

    def takes(self, case):
        return True


class Floor(Gate):
    title = "floor"
    why = "no gate at all: bytes are moved between two sockets and not looked at (`bench/floor.c`); what of every figure is the machine's"

    def command(self):
        return [ROOT / "build/release/floor", self.port, self.upstream.port]


class Nginx(Gate):
    title = "nginx"
    why = "a bare reverse proxy: what passing bytes on costs"

    def command(self):
        f = self.folder
        temps = "".join(f"  {kind}_temp_path {f}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (f / "nginx.conf").write_text(
            f"worker_processes 1;\nworker_rlimit_nofile 65536;\ndaemon off;\npid {f}/pid;\nerror_log {f}/error.log;\n"
            "events { worker_connections 4096; }\n"
            f"http {{\n  access_log off;\n{temps}"
            "  client_body_buffer_size 64k;\n  keepalive_requests 1000000000;\n"
            f"  upstream vendor {{ server 127.0.0.1:{self.upstream.port}; keepalive 64; keepalive_requests 1000000000; }}\n"
            f"  server {{\n    listen 127.0.0.1:{self.port};\n    location / {{\n"
            "      proxy_pass http://vendor;\n      proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n"
            "      proxy_buffering off;\n    }\n  }\n}\n")
        return ["nginx", "-p", f, "-c", f / "nginx.conf", "-e", f / "error.log"]


class Portkey(Gate):
    title = "Portkey gateway"
    why = "an LLM gateway on Node.js: routing and dialects, no keys, budgets or audit rows in this edition"

    def command(self):
        # --headless: without its page of live logs, which would cost it more.
        return ["node", "--require", HERE / "loopback.cjs", HERE / "node_modules/@portkey-ai/gateway/build/start-server.js",
                f"--port={self.port}", "--headless"]

    def environment(self):
        return {"NODE_ENV": "production"}

    def headers(self, case):
        return {**super().headers(case), "x-portkey-provider": "openai",
                "x-portkey-custom-host": f"http://127.0.0.1:{self.upstream.port}/v1"}

    def takes(self, case):
        return case.name != "charge"  # it refuses form bodies


class Tollgate(Gate):
    governs = True
    budgets = []
    more = {}  # of the configuration

    def __init__(self, *args):
        super().__init__(*args)
        self.admin_port = free_port()

    def config(self):
        base = f"http://127.0.0.1:{self.upstream.port}"
        return {
            "listen": f"127.0.0.1:{self.port}",
            "admin": {"listen": f"127.0.0.1:{self.admin_port}", "token": ADMIN_TOKEN},
            "workers": 1,
            "log_level": "warn",
            "vendors": {"openai": {"base_url": base}, "stripe": {"base_url": base}},
            "credentials": {"openai-main": {"vendor": "openai", "secret": "sk-upstream-of-the-benchmark"},
                            "stripe-main": {"vendor": "stripe", "secret": "sk_test_upstream_of_the_benchmark"}},
            "policies": {"agents": {"allow": ["openai.chat.completions", "stripe.charges.create"], "models": ["gpt-4o", "gpt-4o-mini"]}},
            "keys": [{"name": "agent", "token": KEY, "policy": "agents", "credentials": ["openai-main", "stripe-main"], "budgets": self.budgets}],
            **self.more,
        }

    def command(self):
        (self.folder / "tollgate.yaml").write_text(json.dumps(self.config(), indent=2))  # JSON is YAML
        return [ROOT / "build/tollgate", "serve", "--config", self.folder / "tollgate.yaml", "--data", self.folder / "data"]

    def accepts(self):
        return b"ready " in (self.folder / "out").read_bytes()

    def headers(self, case):
        return {**super().headers(case), "x-agent-run-id": "run_benchmark"}

    def booked(self):
        """Calls and what they cost, by the gate's own books; waits until every call that is over stands in them."""
        status, body = ask(self.admin_port, "/api/v1/usage?by=key", {"authorization": f"Bearer {ADMIN_TOKEN}"}, method="GET")
        if status != 200:
            raise SystemExit(f"{self.name}: usage answers {status}: {body[:200]!r}")
        total = json.loads(body)["total"]
        return total["calls"], total["cost_usd"]


class Bare(Tollgate):
    title = "tollgate bare"
    why = "key, policy, price and an audit row for each call, no budget"


class Governed(Tollgate):
    title = "tollgate governed"
    why = "the same and four budgets: every call reserved before it is forwarded, settled after"
    # Of each kind of counter one; none is ever reached.
    budgets = [{"limit": "1000000000 usd", "window": "day"}, {"limit": "1000000000 usd", "window": "run"},
               {"limit": "1000000000000 tokens", "window": "month"}, {"limit": "1000000000 requests", "window": "hour"}]
