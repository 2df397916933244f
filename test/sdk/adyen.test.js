// SPDX-License-Identifier: Apache-2.0
// The official Adyen SDK through the gate. Its address cannot be set: it is led here. Amounts are in minor units, with digits of Adyen's own.
import { createRequire } from "node:module";
import { before } from "node:test";

import { ledElsewhere } from "./lib/elsewhere.js";
import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { startVendor } from "./lib/vendor.js";

const hosts = {};
ledElsewhere(hosts);
const { BalancePlatformAPI, CheckoutAPI, Client, EnvironmentEnum, PayoutAPI, TransfersAPI } = createRequire(import.meta.url)("@adyen/api-library");

let v;
const usd = (n) => BigInt(Math.round(n * 1e9));
const client = (key, run) => new Client({ apiKey: v.token(key, run), environment: EnvironmentEnum.TEST });
const checkout = (key, run) => new CheckoutAPI(client(key, run));
const payment = (value, currency = "USD", more = {}) => ({ amount: { value, currency }, merchantAccount: "Acme", reference: "r", returnUrl: "https://acme.example", paymentMethod: { type: "scheme" }, shopperReference: "shopper-1", ...more });

let made = 0;
function answer(call) {
  const said = call.text ? JSON.parse(call.text) : {};
  if (/^\/v\d+\/payments$/.test(call.url)) return [200, { pspReference: `PSP${++made}`, resultCode: said.reference === "poor" ? "Refused" : "Authorised", amount: said.amount }];
  if (/\/payments\/[^/]*\/(captures|refunds|reversals|amountUpdates)$/.test(call.url)) return [201, { pspReference: `PSP${++made}`, status: "received", merchantAccount: said.merchantAccount, paymentPspReference: "x", amount: said.amount }];
  if (/\/sessions$/.test(call.url)) return [201, { id: "CS1", sessionData: "x", ...said }];
  if (/\/paymentLinks$/.test(call.url)) return [201, { id: "PL1", url: "https://test.adyen.link/PL1", ...said }];
  if (/\/transfers$/.test(call.url)) return [202, { id: "T1", status: "received", amount: said.amount }];
  return [200, {}];
}

before(async () => {
  v = await startVendor("adyen", {
    answer,
    vendor: { settings: { fx: { eur: "1.10", isk: "0.007" }, fx_margin: "0%" } },
    policies: {
      pays: { allow: ["adyen.payments.*"] },
      acme: { allow: ["adyen.*"], scopes: { "adyen.merchant": ["Acme"], "adyen.shopper": ["shopper-1"] } },
      payees: { allow: ["adyen.*"], scopes: { "adyen.payee": ["NL91ABNA0417164300"] } },
    },
    keys: {
      pays: { policy: "pays" },
      acme: { policy: "acme" },
      payees: { policy: "payees" },
      day: { budgets: [{ limit: "100000 usd", window: "day" }] },
      cap: { budgets: [{ limit: "90 usd", window: "day" }] },
    },
  });
  for (const host of ["checkout-test", "pal-test", "balanceplatform-api-test", "management-test"]) hosts[`${host}.adyen.com`] = v.url;
}, { timeout: 60_000 });

test("a payment goes through as it was: key swapped, minor units counted", async () => {
  const row = await v.row((run) => checkout("day", run).PaymentsApi.payments(payment(1234), { idempotencyKey: "mine" }));
  const sent = v.upstream.last();
  v.carries(sent, "x-api-key");
  assert.match(sent.url, /^\/v\d+\/payments$/);
  assert.notEqual(sent.headers["idempotency-key"], "mine");
  assert.deepEqual(JSON.parse(sent.text).amount, { value: 1234, currency: "USD" });
  assert.equal(row.operation, "adyen.payments.payments");
  assert.equal(nanos(row.cost_usd), usd(12.34));
  assert.equal(row.upstream_object_id, "PSP1");
});

test("currencies have Adyen's digits; what is refused costs nothing", async () => {
  const euro = await v.row((run) => checkout("day", run).PaymentsApi.payments(payment(1000, "EUR")));
  assert.equal(nanos(euro.cost_usd), usd(11));
  const krona = await v.row((run) => checkout("day", run).PaymentsApi.payments(payment(100_000, "ISK")));
  assert.equal(nanos(krona.cost_usd), usd(7), "two digits, not the standard's none");
  const poor = await v.row((run) => checkout("day", run).PaymentsApi.payments(payment(1000, "USD", { reference: "poor" })));
  assert.equal(nanos(poor.cost_usd), 0n);
});

test("a capture counts what its payment did not count here; a refund counts", async () => {
  const { pspReference } = await checkout("day").PaymentsApi.payments(payment(5000));
  const capture = await v.row((run) => checkout("day", run).ModificationsApi.captureAuthorisedPayment(pspReference, { amount: { value: 6000, currency: "USD" }, merchantAccount: "Acme" }));
  assert.equal(nanos(capture.cost_usd), usd(10));
  const foreign = await v.row((run) => checkout("day", run).ModificationsApi.captureAuthorisedPayment("PSPELSEWHERE", { amount: { value: 6000, currency: "USD" }, merchantAccount: "Acme" }));
  assert.equal(nanos(foreign.cost_usd), usd(60));
  const next = await v.row((run) => checkout("day", run).ModificationsApi.captureAuthorisedPayment("PSPELSEWHERE", { amount: { value: 4000, currency: "USD" }, merchantAccount: "Acme" }));
  assert.equal(nanos(next.cost_usd), usd(40), "and so does the next part");
  const refund = await v.row((run) => checkout("day", run).ModificationsApi.refundCapturedPayment(pspReference, { amount: { value: 700, currency: "USD" }, merchantAccount: "Acme" }));
  assert.equal(nanos(refund.cost_usd), usd(7));
  await v.refused(() => checkout("day").ModificationsApi.refundOrCancelPayment("PSPUNKNOWN", { merchantAccount: "Acme" }), "price_unknown");
  // What was changed here was not made here: a cent does not make known how much there is to give back.
  const cent = await v.row((run) => checkout("day", run).ModificationsApi.updateAuthorisedAmount("PSPUNKNOWN", { amount: { value: 1, currency: "USD" }, merchantAccount: "Acme" }));
  assert.equal(nanos(cent.cost_usd), usd(1) / 100n);
  await v.refused(() => checkout("day").ModificationsApi.refundOrCancelPayment("PSPUNKNOWN", { merchantAccount: "Acme" }), "price_unknown");
});

test("a session that is made larger counts what is more", async () => {
  const { id } = await checkout("day").PaymentsApi.sessions({ amount: { value: 1000, currency: "USD" }, merchantAccount: "Acme", reference: "r", returnUrl: "https://acme.example" });
  const larger = await v.row((run) => checkout("day", run).PaymentsApi.updateSession(id, { amount: { value: 150_000, currency: "USD" }, sessionData: "x" }));
  assert.equal(larger.operation, "adyen.payments.update_session");
  assert.equal(nanos(larger.cost_usd), usd(1490));
});

test("a stop of writes stops what makes a balance account", async () => {
  const account = () => new BalancePlatformAPI(client("free")).BalanceAccountsApi.createBalanceAccount({ accountHolderId: "AH1" });
  await v.gate.post("/stop", { vendor: "adyen", writes_only: true, reason: "a drill" });
  const error = await v.refused(account, "stopped");
  assert.equal(error.statusCode, 403);
  await v.gate.post("/resume", { vendor: "adyen" });
  await account();
});

test("links that can be used again have no end", async () => {
  const link = { amount: { value: 1000, currency: "USD" }, merchantAccount: "Acme", reference: "r" };
  const row = await v.row((run) => checkout("day", run).PaymentLinksApi.paymentLinks(link));
  assert.equal(nanos(row.cost_usd), usd(10));
  await v.refused(() => checkout("day").PaymentLinksApi.paymentLinks({ ...link, reusable: true }), "price_unknown");
});

test("transfers go to payees that are pinned", async () => {
  const to = (iban) => ({ amount: { value: 100, currency: "USD" }, balanceAccountId: "BA1", category: "bank", counterparty: { bankAccount: { accountHolder: { fullName: "A" }, accountIdentification: { type: "iban", iban } } } });
  await new TransfersAPI(client("payees")).TransfersApi.transferFunds(to("NL91ABNA0417164300"));
  assert.match(v.upstream.last().url, /^\/btl\/v4\/transfers$/);
  await v.refused(() => new TransfersAPI(client("payees")).TransfersApi.transferFunds(to("DE89370400440532013000")), "scope_denied");
});

test("a refusal is the SDK's own exception, once", async () => {
  const error = await v.refused(() => checkout("pays").ModificationsApi.refundCapturedPayment("PSP1", { amount: { value: 1, currency: "USD" }, merchantAccount: "Acme" }), "operation_denied");
  assert.equal(error.statusCode, 403);
  assert.equal(error.name, "HttpClientException");
  assert.equal(error.errorCode, "010");
  assert.match(error.message, /403|policy/);
  await v.refused(() => checkout("acme").PaymentsApi.payments(payment(100, "USD", { merchantAccount: "Other" })), "scope_denied");
  await v.refused(() => checkout("acme").PaymentsApi.payments(payment(100, "USD", { shopperReference: "shopper-2" })), "scope_denied");
  await v.refused(() => checkout("free").RecurringApi.forward({ baseUrl: "https://x.example", merchantAccount: "Acme", request: { body: "", httpMethod: "post", credentials: "" }, shopperReference: "s", storedPaymentMethodId: "x" }), "operation_denied");
  await v.refused(() => new PayoutAPI(client("pays")).InstantPayoutsApi.payout({ amount: { value: 1, currency: "USD" }, merchantAccount: "Acme", reference: "r", card: {} }), "operation_denied");
  const unknown = await fetch(`${v.url}/v72/everything`, { method: "POST", headers: { "x-api-key": v.token("free"), "content-type": "application/json" }, body: "{}" });
  assert.equal(unknown.status, 403);
  assert.equal((await unknown.json()).code, "operation_denied");
});

test("a cap holds for many at once", { timeout: 30_000 }, async () => {
  await v.capHolds({ fits: 7, call: () => checkout("cap").PaymentsApi.payments(payment(1234)) });
});
