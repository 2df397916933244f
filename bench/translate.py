# SPDX-License-Identifier: Apache-2.0
"""script/bench translate: an OpenAI caller and a vendor who speaks Anthropic's messages, beside the same call passed on as it is, and beside
Portkey's gateway doing the same translation."""
import sys

import cases
import lanes
import report
import table



class Passed(lanes.Governed):
    title = "tollgate, passed on"
    why = "the vendor speaks the caller's dialect"
    vendor = "openai"

    def config(self):
        vendor, base = self.vendor, f"http://127.0.0.1:{self.upstream.port}"
        return {**super().config(), "vendors": {vendor: {"base_url": base}},
                "credentials": {"model-main": {"vendor": vendor, "secret": "sk-upstream-of-the-benchmark"}},
                # The vendor who passes for OpenAI names its own model; both cost the same here.
                "prices": {f"{vendor}/{model}": {"in": "1", "out": "5"} for model in (cases.CLAUDE, "gpt-4o-mini")},
                "policies": {"agents": {"allow": [f"{vendor}.*"], "models": [cases.CLAUDE]}},
                "keys": [{"name": "agent", "token": cases.KEY, "policy": "agents", "credentials": ["model-main"], "budgets": self.budgets}]}


class Translated(Passed):
    title = "tollgate, translated"
    why = "the vendor speaks Anthropic's messages"
    vendor = "anthropic"


class Portkey(lanes.Portkey):
    why = "the same translation"

    def headers(self, case):
        return {**super().headers(case), "x-portkey-provider": "anthropic"}

    def takes(self, case):
        return not case.stream  # the edition that npm gives answers every stream with 500


HEAD = ["call", "translated req/s", "x passed on", "p50 ms", "p99 ms", "CPU us/req", "passed on", "x Portkey", "Portkey p50 ms", "notes"]


def rows(result):
    for case in cases.TRANSLATED:
        loads = result["loads"].get(case.name, {})
        base, runs, portkey = loads.get("passed"), loads.get("translated"), loads.get("portkey")
        if not base or not runs:
            continue
        yield [case.title, f"{report.median(runs, 'rps'):,.0f}", report.times(report.ratio(runs, base, "rps")), report.ms(report.median(runs, "p50_us")),
               report.ms(report.median(runs, "p99_us")), f"{report.median(runs, 'cpu_us'):.1f}", f"{report.median(base, 'cpu_us'):.1f}",
               report.times(report.ratio(runs, portkey, "rps")) if portkey else "it answers 500", report.ms(report.median(portkey, "p50_us")) if portkey else "",
               report.notes(runs)]


TABLE = table.Table("translate", "cases", [case.name for case in cases.TRANSLATED], lambda names: [case for case in cases.TRANSLATED if case.name in names],
                    lambda names: [Passed, Translated, Portkey], HEAD, rows)

if __name__ == "__main__":
    sys.exit(table.main(TABLE, sys.argv[1:]))
