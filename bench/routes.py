# SPDX-License-Identifier: Apache-2.0
"""script/bench routes: what each way to a vendor costs over none at all, and answers out of the cache; beside Portkey's gateway with a fallback.

All targets are one upstream, which is well: what is measured is the gate's own work."""
import json
import sys

import cases
import lanes
import report
import table

CASE = cases.CASES[0]
TARGETS = [{"provider": "openai", "model": "gpt-4o-mini"}, {"provider": "openai", "model": "gpt-4o"}]


class Way(lanes.Governed):
    """A key of ours with a route of its own."""
    route = None

    def config(self):
        config = super().config()
        if self.route:
            config["routes"] = {"way": self.route}
            config["keys"][0]["route"] = "way"
        return config


def way(name, words, route):
    return type(name, (Way,), {"title": words, "why": "", "route": route})


class Inline(Way):
    title, why = "fallback, written out in the request", ""

    def headers(self, case):
        return {**super().headers(case), "x-tollgate-config": json.dumps({"strategy": {"mode": "fallback"}, "targets": TARGETS}, separators=(",", ":"))}


class Raced(Way):
    title, why = "race of two", ""
    route = {"strategy": {"mode": "race"}, "targets": TARGETS}
    governs = False  # what a loser costs depends on how far it came


class Cached(Way):
    title, why = "answered from the cache", ""
    governs = False  # hits cost nothing

    def headers(self, case):
        return {**super().headers(case), "x-tollgate-cache": "on"}


class PortkeyPlain(lanes.Portkey):
    title, why = "Portkey, no config", ""


class PortkeyFallback(lanes.Portkey):
    title, why = "Portkey, fallback", ""

    def headers(self, case):
        fields = lanes.Gate.headers(self, case)
        target = {"provider": "openai", "api_key": "sk-upstream-of-the-benchmark", "custom_host": f"http://127.0.0.1:{self.upstream.port}/v1"}
        return {**fields, "x-portkey-config": json.dumps({"strategy": {"mode": "fallback"}, "targets": [target, target]}, separators=(",", ":"))}


BASE = way("Single", "no route", None)
WAYS = [
    BASE,
    way("Fallback", "fallback of two", {"strategy": {"mode": "fallback"}, "targets": TARGETS}),
    Inline,
    way("Retry", "retry, should it fail", {"retry": {"attempts": 2}}),
    way("Weights", "balance by weight", {"strategy": {"mode": "balance"}, "targets": TARGETS[:1] * 2}),
    way("Latency", "balance by latency", {"strategy": {"mode": "balance", "by": "latency"}, "targets": TARGETS[:1] * 2}),
    way("Conditional", "conditional", {"strategy": {"mode": "conditional", "conditions": [{"query": {"metadata.tier": "gold"}, "then": "b"}], "default": "a"},
                                       "targets": [{**TARGETS[0], "name": "a"}, {**TARGETS[1], "name": "b"}]}),
    way("Cheapest", "cheapest of two", {"strategy": {"mode": "cheapest"}, "targets": TARGETS}),
    Raced,
    Cached,
    PortkeyPlain,
    PortkeyFallback,
]


HEAD = ["way", "req/s", "x no route", "p50 ms", "p99 ms", "CPU us/req", "x Portkey", "notes"]


def rows(result):
    loads = result["loads"][CASE.name]
    base, portkey = loads.get("single"), loads.get("portkeyfallback") or loads.get("portkeyplain")
    for kind in WAYS:
        runs = loads.get(kind.__name__.lower())
        if not runs or not base:
            continue
        yield [kind.title, f"{report.median(runs, 'rps'):,.0f}", report.times(report.ratio(runs, base, "rps")), report.ms(report.median(runs, "p50_us")),
               report.ms(report.median(runs, "p99_us")), f"{report.median(runs, 'cpu_us'):.1f}",
               report.times(report.ratio(runs, portkey, "rps")) if portkey else "", report.notes(runs)]


TABLE = table.Table("routes", "ways", [kind.__name__.lower() for kind in WAYS], lambda names: [CASE],
                    lambda names: [kind for kind in WAYS if kind is BASE or kind.__name__.lower() in names], HEAD, rows)

if __name__ == "__main__":
    sys.exit(table.main(TABLE, sys.argv[1:]))
