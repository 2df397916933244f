# SPDX-License-Identifier: Apache-2.0
"""script/bench saas: what governing one call to a SaaS vendor costs, as a ratio to no gate at all: bytes moved between two sockets."""
import sys

import cases
import lanes
import report
import table

SECRETS = {"stripe": "sk_test_upstream_of_the_benchmark", "twilio": "secret-upstream-of-the-benchmark", "resend": "re_upstream_of_the_benchmark",
           "shopify": "shpat_upstream_of_the_benchmark"}
OPERATIONS = ["stripe.charges.create", "stripe.refunds.create", "twilio.messages.create", "resend.emails.send", "shopify.graphql.refunds.create"]


class Saas(lanes.Governed):
    title = "tollgate"
    why = "four budgets, an allowlist of operations, the customer and the order pinned, a maximum on amounts"

    def config(self):
        base = f"http://127.0.0.1:{self.upstream.port}"
        credentials = {f"{vendor}-main": {"vendor": vendor, "secret": secret} for vendor, secret in SECRETS.items()}
        credentials["twilio-main"]["account_sid"] = cases.ACCOUNT
        policy = {
            "allow": OPERATIONS,
            "scopes": {"stripe.customer": [cases.CUSTOMER], "shopify.order": ["1"]},
            "parameters": {"stripe.charges.create": {"amount": {"max": 5000}, "currency": {"in": ["usd"]}}, "stripe.refunds.create": {"amount": {"max": 5000}}},
        }
        return {**super().config(), "vendors": {vendor: {"base_url": base} for vendor in SECRETS}, "credentials": credentials, "policies": {"agents": policy},
                "keys": [{"name": "agent", "token": cases.KEY, "policy": "agents", "credentials": list(credentials), "budgets": self.budgets}]}


HEAD = ["call", "req/s", "x floor", "p50 ms", "p99 ms", "CPU us/req", "floor's", "x floor", "notes"]


def rows(result):
    for case in cases.SAAS:
        loads = result["loads"].get(case.name, {})
        base, runs = loads.get("floor"), loads.get("saas")
        if not base or not runs:
            continue
        yield [case.title, f"{report.median(runs, 'rps'):,.0f}", report.times(report.ratio(runs, base, "rps")), report.ms(report.median(runs, "p50_us")),
               report.ms(report.median(runs, "p99_us")), f"{report.median(runs, 'cpu_us'):.1f}", f"{report.median(base, 'cpu_us'):.1f}",
               report.times(report.ratio(runs, base, "cpu_us")), report.notes(runs)]


TABLE = table.Table("saas", "cases", [case.name for case in cases.SAAS], lambda names: [case for case in cases.SAAS if case.name in names],
                    lambda names: [lanes.Floor, Saas], HEAD, rows)

if __name__ == "__main__":
    sys.exit(table.main(TABLE, sys.argv[1:]))
