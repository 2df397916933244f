/* SPDX-License-Identifier: Apache-2.0
 * configuration.c - what `serve --sandbox` runs with. The keys in it are no secrets: they are printed in the documentation and
 * open nothing but a sandbox on the loopback interface. The admin token is made by the gate, as for any configuration without one.
 *
 * `demo` may do much within small budgets; `support` acts for one customer, and shows what a policy can say. */
#include "sandbox/sandbox.h"

static const char text[] = "# Made by `tollgate serve --sandbox`; a configuration of your own looks the same.\n"
                           "listen: %.*s\n"
                           "admin: { listen: \"%.*s\" }\n"
                           "log_level: warn\n"
                           "vendors:\n"
                           "  stripe: { base_url: \"http://%.*s/stripe\" }\n"
                           "  twilio: { base_url: \"http://%.*s/twilio\" }\n"
                           "  resend: { base_url: \"http://%.*s/resend\" }\n"
                           "  openai: { base_url: \"http://%.*s/openai\" }\n"
                           "  anthropic: { base_url: \"http://%.*s/anthropic\" }\n"
                           "  gemini: { base_url: \"http://%.*s/gemini\" }\n"
                           "credentials:\n"
                           "  stripe-sandbox: { vendor: stripe, secret: sk_sandbox_stripe }\n"
                           "  twilio-sandbox: { vendor: twilio, account_sid: " SANDBOX_ACCOUNT ", secret: " SANDBOX_TWILIO " }\n"
                           "  resend-sandbox: { vendor: resend, secret: sk_sandbox_resend }\n"
                           "  openai-sandbox: { vendor: openai, secret: sk_sandbox_openai }\n"
                           "  anthropic-sandbox: { vendor: anthropic, secret: sk_sandbox_anthropic }\n"
                           "  gemini-sandbox: { vendor: gemini, secret: sk_sandbox_gemini }\n"
                           "policies:\n"
                           "  demo:\n"
                           "    allow: [\"stripe.charges.*\", \"stripe.refunds.*\", \"stripe.customers.*\", \"stripe.payment_intents.*\",\n"
                           "            stripe.balance.retrieve, \"twilio.messages.*\", \"resend.emails.*\", \"openai.*\", \"anthropic.*\", \"gemini.*\"]\n"
                           "    deny: [\"stripe.payouts.*\"]\n"
                           "    models: [\"gpt-4o*\", \"gpt-4.1*\", \"text-embedding-3-*\", \"claude-*\", \"gemini-*\"]\n"
                           "    parameters: { stripe.refunds.create: { amount: { max: 5000 } } }\n"
                           "  support:\n"
                           "    allow: [\"stripe.charges.*\", stripe.refunds.create, \"stripe.payment_intents.*\", \"twilio.messages.*\", \"openai.*\",\n"
                           "            \"anthropic.*\"]\n"
                           "    models: [\"gpt-4o*\", \"claude-*\"]\n"
                           "    scopes: { stripe.customer: [cus_ada] }\n"
                           "    parameters: { stripe.refunds.create: { amount: { max: 5000 } } }\n"
                           "    approvals: [ { name: large, operations: [\"stripe.*\"], above: 200 usd, wait: 10m } ]\n"
                           "    brakes: [ { repeat: 5, within: 1m } ]\n"
                           "keys:\n"
                           "  - name: demo\n"
                           "    token: " SANDBOX_KEY "\n"
                           "    credentials: [stripe-sandbox, twilio-sandbox, resend-sandbox, openai-sandbox, anthropic-sandbox, gemini-sandbox]\n"
                           "    policy: demo\n"
                           "    budgets:\n"
                           "      - { limit: 20 usd, window: run }\n"
                           "      - { limit: 100 usd, window: day }\n"
                           "      - { limit: 50 usd, window: day, vendor: stripe, alert: [50%%, 80%%] }\n"
                           "      - { limit: 600 requests, window: minute }\n"
                           "  - name: support\n"
                           "    token: " SANDBOX_SUPPORT_KEY "\n"
                           "    credentials: [stripe-sandbox, twilio-sandbox, openai-sandbox, anthropic-sandbox]\n"
                           "    policy: support\n"
                           "    budgets:\n"
                           "      - { limit: 300 usd, window: run }\n"
                           "      - { limit: 1000 usd, window: day }\n"
                           "      - { limit: 20 messages, window: day }\n";

struct span sandbox_configuration(struct arena *a, struct span at, struct span listen, struct span admin_listen)
{
    return arena_print(a, text, SPAN_ARG(listen), SPAN_ARG(admin_listen), SPAN_ARG(at), SPAN_ARG(at), SPAN_ARG(at), SPAN_ARG(at), SPAN_ARG(at),
        SPAN_ARG(at));
}
