// SPDX-License-Identifier: Apache-2.0
// The negative guard: an agent never receives a real secret, a minted key, or a link that leads around the gate. Upstreams that put the
// credential into all that they say, for every vendor there is a manifest of; calls that make or give secrets; links to the vendors' own hosts.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import zlib from "node:zlib";
import { before } from "node:test";

import { key, tokenOf, twilioSid } from "./lib/config.js";
import { root, startGate } from "./lib/gate.js";
import { startScripted } from "./lib/recorder.js";
import { assert, describe, test } from "./lib/test.js";

const vendors = fs.readdirSync(path.join(root, "vendors")).map((name) => name.replace(".yaml", "")).sort();

// With marks that JSON, URLs and base64 write differently.
const secret = (vendor) => `s3cr/t+${vendor}=&"9f3a71c2`;
const hookSecret = (vendor) => `whsec_${vendor}_5ab0c7d1`;
const keyId = (vendor) => `AKID${vendor}0077`;
const oauthToken = "oauth-token-A21AAF0c/77+x";
const account = { twilio: twilioSid, braintree: "merchant1", plivo: "MAXXXXXXXXXXXXXXXXXX" };
const escaped = (text) => JSON.stringify(text).slice(1, -1);
const base64 = (text) => Buffer.from(text).toString("base64");
const lower = (text) => encodeURIComponent(text).replace(/%../g, (code) => code.toLowerCase());

/** All that a careless server may write of a text. */
function formsOf(text, user = "user") {
  return [text, escaped(text), escaped(text).replaceAll("/", "\\/"), encodeURIComponent(text), lower(text), base64(text), base64(`${user}:${text}`),
    base64(`${text}:`), base64(`x${text}`), base64(`xy${text}`), base64(`${user}:${text}`).replaceAll("+", "-").replaceAll("/", "_")];
}

/** What a credential has beside its secret, by what its vendor's manifest uses. */
function more(vendor) {
  const yaml = fs.readFileSync(path.join(root, "vendors", `${vendor}.yaml`), "utf8");
  return {
    ...(/^hook:/m.test(yaml) ? { hook_secret: hookSecret(vendor) } : {}),
    ...(/key_id|oauth2|sigv4/.test(yaml) ? { key_id: keyId(vendor) } : {}),
    ...(account[vendor] ? { account_sid: account[vendor] } : {}),
  };
}

function everything(vendor) {
  const { hook_secret, key_id } = more(vendor);
  return [...formsOf(secret(vendor), account[vendor] ?? key_id), ...(hook_secret ? formsOf(hook_secret) : []), ...(key_id ? [key_id] : []), ...(vendor === "paypal" ? formsOf(oauthToken) : [])];
}

/** What must not be found in what an agent was told; base64 decoded, too. */
function assertClean(text, vendor, where) {
  const core = "9f3a71c2";
  const words = [core, "5ab0c7d1", keyId(vendor), oauthToken, "A21AAF0c"];
  for (const word of words) assert.ok(!text.includes(word), `${vendor}, ${where}: ${word} in ${text.slice(0, 600)}`);
  for (const run of text.match(/[A-Za-z0-9+/_=-]{12,}/g) ?? []) {
    const plain = Buffer.from(run.replaceAll("-", "+").replaceAll("_", "/"), "base64").toString("latin1");
    for (const word of words) assert.ok(!plain.includes(word), `${vendor}, ${where}: ${word} in base64`);
  }
}

let gate, upstream, say;
const operations = {};
// What stands in their addresses; a service account has its own tests (negative_llm).
const placed = {
  azure: { settings: { resource: "r1", api_version: "2024-10-21" } },
  bedrock: { settings: { region: "eu-west-1" } },
  vertex: { auth: "bearer", settings: { project: "p1", location: "us-central1" } },
};

before(async () => {
  upstream = await startScripted((call, res) => {
    if (call.url.startsWith("/v1/oauth2/token")) {
      return res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ access_token: oauthToken, token_type: "Bearer", expires_in: 3000 }));
    }
    return say(call, res);
  });
  const config = { vendors: {}, credentials: {}, policies: { all: { allow: ["*"] } }, keys: [] };
  for (const vendor of vendors) {
    config.vendors[vendor] = { base_url: upstream.url, ...placed[vendor] };
    config.credentials[vendor] = { vendor, secret: secret(vendor), ...more(vendor) };
    config.policies[`${vendor}-wild`] = { allow: [`${vendor}.*`] };
    config.keys.push(key(vendor, [vendor]), key(`${vendor}-wild`, [vendor], { policy: `${vendor}-wild` }));
  }
  config.policies.keys = { allow: ["twilio.keys.create"] };
  config.keys.push(key("twilio-keys", ["twilio"], { policy: "keys" }));
  gate = await startGate(config);
  for (const vendor of vendors) operations[vendor] = JSON.parse((await gate.cli("vendor", "operations", vendor, "--json")).out);
});

/** One request, and all that came back of it as one text: status line, fields, body, trailers. */
function ask(vendor, method, target, body, fields = {}) {
  return new Promise((resolve, reject) => {
    const headers = { "x-portkey-api-key": tokenOf(vendor), ...(body === undefined ? {} : { "content-type": "application/json" }), ...fields };
    const req = http.request({ host: "127.0.0.1", port: gate.port, method, path: `/${vendor}${target}`, headers }, (res) => {
      const parts = [];
      const end = () => {
        const body = Buffer.concat(parts);
        const head = [res.statusMessage, ...res.rawHeaders, ...(res.rawTrailers ?? [])].join("\n");
        resolve({ status: res.statusCode, headers: res.headers, body, head, all: `${head}\n${body.toString("latin1")}` });
      };
      res.on("data", (bytes) => parts.push(bytes));
      res.on("end", end);
      res.on("error", end);
      res.on("aborted", end);
    });
    req.on("error", reject);
    req.end(body);
  });
}

const filled = (vendor, where) => where.replace(/\{[^}]+\}/g, (name) => (account[vendor] && /AccountSid|merchant|auth_id/.test(name) ? account[vendor] : /version/.test(name) ? (vendor === "shopify" ? "2026-07" : "v71") : "x1"));

/** A call of this vendor that is let through to it and read by nobody but its manifest; found by trying. */
async function harmless(vendor) {
  say = (call, res) => res.writeHead(200, { "content-type": "application/json" }).end("{}");
  const some = operations[vendor].filter((one) => !one.secret && !one.moves_money && one.path && !one.path.includes("oauth2/token"));
  const reads = some.filter((one) => one.method === "GET"), writes = some.filter((one) => one.method !== "GET");
  for (const one of [...reads.slice(0, 20), ...writes.slice(0, 40)]) {
    const [method, target] = [one.method, filled(vendor, one.path)];
    const body = method === "GET" || method === "DELETE" ? undefined : "{}";
    const before = upstream.count;
    const answer = await ask(vendor, method, target, body);
    if (upstream.count > before && answer.status === 200) return (fields) => ask(vendor, method, target, body, fields);
  }
  throw new Error(`no call of ${vendor} comes through`);
}

const noisy = (vendor) => Object.fromEntries(everything(vendor).map((text, i) => [`x-echo-${i}`, text]));
const bad = (vendor) => ({
  "x-debug": `authorization: Bearer ${secret(vendor)}`, "set-cookie": `a=${secret(vendor)}`, location: `https://x.example/?k=${encodeURIComponent(secret(vendor))}`,
  "content-location": `/x?k=${encodeURIComponent(secret(vendor))}`, link: `</next?k=${encodeURIComponent(secret(vendor))}>; rel="next"`, refresh: `0; url=/x?${encodeURIComponent(secret(vendor))}`,
  "www-authenticate": `Basic realm="${base64(`u:${secret(vendor)}`)}"`, "request-id": secret(vendor), "x-request-id": more(vendor).key_id ?? "1", ...noisy(vendor),
});
const json = (vendor) => `{"id":"x1","error":{"message":"Invalid key"},"all":[${everything(vendor).filter((text) => !/["\\]/.test(text)).map((text) => `"${text}"`)}],"raw":"${everything(vendor).filter((text) => text.includes("\\")).join(" ")}","${escaped(secret(vendor))}":1}`;
const text = (vendor) => everything(vendor).join("\r\n");

const ways = {
  "JSON and fields": (v, res) => res.writeHead(200, { ...bad(v), "content-type": "application/json" }).end(json(v)),
  "plain text": (v, res) => res.writeHead(200, { ...bad(v), "content-type": "text/plain" }).end(text(v)),
  "no content type": (v, res) => res.writeHead(200, bad(v)).end(text(v)),
  ...Object.fromEntries([400, 401, 402, 403, 404, 422, 429, 500, 503].map((status) => [`a ${status}`, (v, res) => res.writeHead(status, `No ${more(v).key_id ?? ""}`, { ...bad(v), "content-type": "application/json" }).end(json(v))])),
  ...Object.fromEntries([301, 302, 303, 307, 308].map((status) => [`a redirect ${status}`, (v, res) => res.writeHead(status, { ...bad(v), "content-type": "text/html" }).end(text(v))])),
  "byte by byte": async (v, res) => {
    res.writeHead(200, { "content-type": "text/plain" });
    for (const byte of Buffer.from(text(v).slice(0, 700))) { res.write(Buffer.from([byte])); await new Promise(setImmediate); }
    res.end(text(v));
  },
  "gzip": (v, res) => res.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(zlib.gzipSync(json(v))),
  "deflate": (v, res) => res.writeHead(200, { "content-type": "text/plain", "content-encoding": "deflate" }).end(zlib.deflateSync(text(v))),
  "gzip of an error": (v, res) => res.writeHead(401, { "content-type": "application/json", "content-encoding": "gzip" }).end(zlib.gzipSync(json(v))),
  "brotli": (v, res) => res.writeHead(200, { "content-type": "text/plain", "content-encoding": "br" }).end(zlib.brotliCompressSync(text(v))),
  "gzip twice": (v, res) => res.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip, gzip" }).end(zlib.gzipSync(zlib.gzipSync(text(v)))),
  "an event stream": (v, res) => res.writeHead(200, { "content-type": "text/event-stream" }).end(everything(v).map((one) => `event: x\ndata: ${one}\n\n`).join("")),
  "a trailer": (v, res) => { res.writeHead(200, { "content-type": "text/plain", trailer: "x-secret" }); res.write("x"); res.addTrailers({ "x-secret": secret(v), "x-key": base64(secret(v)) }); res.end(); },
  "NUL, other charsets": (v, res) => res.writeHead(200, { "content-type": "application/json; charset=latin1" }).end(`\0\xff${text(v)}`),
};

describe("the credential never comes back", () => {
  for (const vendor of vendors) {
    test(vendor, { timeout: 60_000 }, async () => {
      const call = await harmless(vendor);
      for (const [where, way] of Object.entries(ways)) {
        let said = false;
        say = (_, res) => { said = true; return way(vendor, res); };
        const answer = await call({ "accept-encoding": "gzip, br" });
        assert.ok(said, `${vendor} was reached: ${where}`);
        assertClean(answer.all, vendor, where);
        if (answer.headers["content-encoding"]) assert.fail(`${vendor}, ${where}: still ${answer.headers["content-encoding"]}`);
        assert.equal(answer.headers.location, undefined);
        assert.equal(answer.headers["set-cookie"], undefined);
        if (/^a \d|JSON/.test(where)) assert.ok(/\*{6}|hidden by tollgate|held back|x-tollgate-denied/.test(answer.all), `${where}: ${answer.all.slice(0, 300)}`);
      }
    });
  }
});

describe("long answers, and those that are kept", () => {
  const at = async (vendor, method, target, body, fields) => ask(vendor, method, target, body, fields);

  test("a body far larger than what is held, with the secret over every border of a run", { timeout: 60_000 }, async () => {
    for (const vendor of ["openai", "anthropic", "ses", "resend", "hubspot"]) {
      const call = await harmless(vendor);
      const part = `${"x".repeat(65_521)}${secret(vendor)}${base64(`u:${secret(vendor)}`)}`;
      say = async (_, res) => {
        res.writeHead(200, { "content-type": "application/octet-stream" });
        for (let i = 0; i < 200; i++) if (!res.write(part)) await new Promise((resolve) => res.once("drain", resolve));
        res.end(secret(vendor).slice(0, -1));
      };
      const answer = await call();
      assertClean(answer.body.toString("latin1").replaceAll(secret(vendor).slice(0, -1), ""), vendor, "12 MiB");
      if (answer.status === 502) { // its manifest names fields that are blotted out: what cannot be searched is not passed on
        assert.match(answer.all, /larger than can be searched/);
        continue;
      }
      assert.equal(answer.body.length, 200 * part.length + secret(vendor).length - 1, "nothing is lost");
      assert.ok(answer.body.toString().endsWith(secret(vendor).slice(0, -1)), "an end that is not the whole is as it was");
    }
  });

  test("a complaint about the key that is too long to look through is not passed on", async () => {
    const call = await harmless("stripe");
    say = (_, res) => res.writeHead(401, { "content-type": "text/plain" }).end(`${"x".repeat(12 << 20)} sk_live_****abcd`);
    const answer = await call();
    assert.ok(!answer.all.includes("abcd"), answer.head);
  });

  test("a compressed body that grows without end is cut off", async () => {
    const call = await harmless("openai");
    say = (_, res) => res.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(zlib.gzipSync(Buffer.alloc(300 << 20)));
    const before = gate.rss();
    await call().catch(() => null);
    assert.ok(gate.rss() - before < 120 << 10, `${gate.rss() - before} KiB more`);
  });

  test("a compressed body that is cut is no whole one", async () => {
    const call = await harmless("openai");
    say = (_, res) => res.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" }).end(zlib.gzipSync("x".repeat(1000)).subarray(0, 20));
    const answer = await call().catch((error) => ({ status: 0, all: String(error) }));
    assert.notEqual(answer.status, 200, answer.all);
  });

  test("an event stream of a model, whole and in pieces", async () => {
    const ask = { model: "gpt-4o-mini", stream: true, messages: [{ role: "user", content: "x" }] };
    for (const step of [1, 7, 100_000]) {
      say = async (_, res) => {
        res.writeHead(200, { "content-type": "text/event-stream" });
        const chunk = (text) => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: secret("openai"), choices: [{ index: 0, delta: { content: text } }] })}\n\n`;
        const all = Buffer.from(`: ${secret("openai")}\n\n${chunk(`key: ${secret("openai")}`)}${chunk(base64(`u:${secret("openai")}`))}data: [DONE]\n\n`);
        for (let i = 0; i < all.length; i += step) { res.write(all.subarray(i, i + step)); if (i % 50 === 0) await new Promise(setImmediate); }
        res.end();
      };
      const answer = await at("openai", "POST", "/v1/chat/completions", JSON.stringify(ask));
      assert.equal(answer.status, 200);
      assert.ok(answer.body.toString().includes("[DONE]"));
      assertClean(answer.all, "openai", `events by ${step}`);
    }
  });

  test("what is given again under an idempotency key is clean, too; on the disk nothing stands in clear", async () => {
    say = (_, res) => res.writeHead(200, { "content-type": "application/json", "x-echo": secret("stripe") }).end(json("stripe"));
    const once = { "idempotency-key": "once-1", "content-type": "application/x-www-form-urlencoded" };
    const first = await at("stripe", "POST", "/v1/customers", "name=x", once);
    const again = await at("stripe", "POST", "/v1/customers", "name=x", once);
    assert.equal(again.headers["idempotent-replayed"], "true");
    assert.deepEqual(again.body, first.body);
    assertClean(again.all, "stripe", "given again");
  });
});

// By the vendors' own documents: these calls make a key, token or login, give one that exists, let somebody in, or lead the account's events to
// an address of the caller's choice. A policy must name them exactly.
const minting = {
  adyen: ["management.api_key_company_level.generate_new_api_key", "management.api_key_merchant_level.generate_new_api_key", "management.api_credentials_company_level.create_api_credential",
    "management.api_credentials_merchant_level.update_api_credential", "management.webhooks_merchant_level.generate_hmac_key", "management.webhooks_merchant_level.set_up_webhook",
    "management.users_company_level.create_new_user", "platform.payment_instruments.get_pan_of_payment_instrument", "platform.manage_card_pin.reveal_card_pin"],
  braintree: ["client_tokens.create", "payment_methods.grant", "payment_methods.nonces"],
  duffel: ["component_client_keys.create", "webhooks.create", "links.sessions.create"],
  github: ["apps.createInstallationAccessToken", "apps.createFromManifest", "apps.resetToken", "apps.scopeToken", "actions.createRegistrationTokenForOrg", "actions.createRegistrationTokenForRepo",
    "actions.createRemoveTokenForRepo", "actions.generateRunnerJitconfigForRepo", "repos.createDeployKey", "repos.createWebhook", "orgs.createWebhook", "repos.addCollaborator", "orgs.createInvitation",
    "users.createPublicSshKeyForAuthenticatedUser", "users.createGpgKeyForAuthenticatedUser"],
  hubspot: ["oauth.tokens.create", "oauth.accessTokens.get", "marketing.transactional.publicSMTPTokens.createToken", "marketing.transactional.publicSMTPTokens.resetPassword",
    "conversations.visitor_identification.basic.generateToken", "files.files.getSignedUrl", "webhooks.basic.create", "settings.users.create"],
  lob: ["webhooks.create", "webhooks.update"],
  mailgun: ["keys.create", "keys.list", "domains.credentials.create", "domains.credentials.update", "webhooks.create", "routes.create", "accounts.signing_key"],
  messagebird: ["conversations.webhooks.create", "voice.webhooks.create"],
  openai: [],
  paypal: ["identity.client_token", "webhooks.create", "webhooks.update"],
  plaid: ["processor.token.create", "processor.stripe.bank_account_token.create", "sandbox.processor_token.create", "oauth.token", "session.token.create"],
  plivo: ["subaccounts.create", "tokens.create"],
  "postmark-account": [], postmark: ["webhooks.create"],
  resend: ["api_keys.create", "webhooks.create"],
  sendgrid: ["api_keys.create", "api_keys.update"],
  ses: ["CreateEmailIdentityPolicy", "UpdateEmailIdentityPolicy"],
  shippo: ["webhooks.create"],
  shopify: ["graphql.tokens.storefront", "graphql.tokens.delegate", "graphql.webhooks.create", "storefront_tokens.create", "webhooks.create", "customers.activation_url"],
  slack: ["oauth.v2.access", "oauth.v2.exchange", "tooling.tokens.rotate", "apps.connections.open", "rtm.connect", "files.getUploadURLExternal", "files.sharedPublicURL", "openid.connect.token",
    "admin.users.invite", "admin.users.setOwner", "conversations.inviteShared"],
  square: ["o_auth.obtain_token", "devices.codes.create", "webhooks.subscriptions.create", "webhooks.subscriptions.update_signature_key"],
  stripe: ["oauth.token", "account_links.create", "account_sessions.create", "ephemeral_keys.create", "customer_sessions.create", "billing_portal.sessions.create", "webhook_endpoints.create", "webhook_endpoints.update",
    "v2.core.event_destinations.create", "apps.secrets.find", "apps.secrets.create", "forwarding.requests.create", "terminal.connection_tokens.create", "accounts.login_links.create"],
  telnyx: ["oauth.token", "oauth_clients.create", "telephony_credentials.create", "telephony_credentials.create_token", "integration_secrets.create", "storage.buckets.create_presigned_url", "managed_accounts.create",
    "messaging_profiles.actions.regenerate_secret", "rooms.actions.generate_join_client_token", "rooms.actions.refresh_client_token", "credential_connections.create", "storage.cloudfs.actions.rotate_meta_token",
    "custom_storage_credentials.retrieve", "mobile_push_credentials.retrieve", "email_domains.webhooks.create"],
  twilio: ["accounts.create", "accounts.retrieve", "accounts.list", "keys.create", "signing_keys.create", "tokens.create", "accounts.v1.auth_tokens.promote.create", "accounts.v1.auth_tokens.secondary.create", "iam.v1.keys.create",
    "iam.v1.token.create", "oauth.v2.token.create", "verify.v2.services.access_tokens.create", "sip.credential_lists.credentials.create", "serverless.v1.services.create",
    "serverless.v1.services.environments.variables.retrieve", "flex_api.v1.insights.session.create"],
  vonage: ["secrets.create", "applications.create", "subaccounts.create"],
};

describe("calls that make or give a key", () => {
  for (const [vendor, names] of Object.entries(minting)) {
    test(vendor, { timeout: 60_000 }, async () => {
      say = (_, res) => res.writeHead(200, { "content-type": "application/json" }).end("{}");
      const known = new Map(operations[vendor].map((one) => [one.name, one]));
      for (const name of names) assert.ok(known.get(`${vendor}.${name}`)?.secret, `${vendor}.${name} ${known.has(`${vendor}.${name}`) ? "is not secret" : "is not known"}`);
      // Whatever is secret is refused under "*" and under "vendor.*", with any body; nothing reaches the vendor.
      for (const one of operations[vendor].filter((each) => each.secret && each.method && each.path)) {
        const before = upstream.count;
        for (const who of [vendor, `${vendor}-wild`]) {
          const body = /GET|DELETE/.test(one.method) ? undefined : "{}";
          const { status, headers, all } = await ask(vendor, one.method, filled(vendor, one.path), body, { "x-portkey-api-key": tokenOf(who) });
          if (one.path.endsWith("graphql") || one.path.endsWith("graphql.json")) continue;
          assert.equal(headers["x-tollgate-denied"], "operation_denied", `${one.name}: ${status} ${all.slice(0, 300)}`);
        }
        assert.equal(upstream.count, before, one.name);
      }
    });
  }

  test("a policy that names one exactly lets it through; what it gives is blotted out where the manifest knows the field", async () => {
    say = (_, res) => res.writeHead(201, { "content-type": "application/json" }).end(`{"sid":"SK1","secret":"made-secret-77"}`);
    const target = `/2010-04-01/Accounts/${twilioSid}/Keys.json`;
    const answer = await ask("twilio", "POST", target, "FriendlyName=x", { "x-portkey-api-key": tokenOf("twilio-keys"), "content-type": "application/x-www-form-urlencoded" });
    assert.equal(answer.status, 201);
    assert.deepEqual(JSON.parse(answer.body), { sid: "SK1", secret: "[hidden by tollgate]" });
  });
});

// What SDKs follow: pages by absolute links, in bodies and in Link fields.
describe("links to the vendors' own hosts come back through the gate", () => {
  const pages = {
    twilio: ["https://api.twilio.com/2010-04-01/x?Page=1", "https://verify.twilio.com/v2/Services?Page=1", "https://messaging.twilio.com/v1/Services"],
    github: ["https://api.github.com/repositories/1/issues?page=2"], paypal: ["https://api-m.paypal.com/v2/checkout/orders/1/capture", "https://api.paypal.com/v2/checkout/orders/1"],
    hubspot: ["https://api.hubapi.com/crm/v3/objects/contacts?after=2"], mailgun: ["https://api.mailgun.net/v3/domains?page=2"], sendgrid: ["https://api.sendgrid.com/v3/marketing/lists?page_token=2"],
    shippo: ["https://api.goshippo.com/addresses?page=2"], messagebird: ["https://rest.messagebird.com/messages?offset=20"], shopify: ["https://your-store.myshopify.com/admin/api/2026-07/orders.json?page_info=2"],
  };
  for (const [vendor, links] of Object.entries(pages)) {
    test(vendor, async () => {
      const call = await harmless(vendor);
      say = (_, res) => res.writeHead(200, { "content-type": "application/json", link: links.map((link) => `<${link}>; rel="next"`).join(", ") })
        .end(`{"links":${JSON.stringify(links)},"slashes":"${links[0].replaceAll("/", "\\/")}","base":"${upstream.url}/v1/x"}`);
      const answer = await call();
      const body = JSON.parse(answer.body);
      for (const link of [...body.links, body.slashes, body.base, ...[...(answer.headers.link ?? "").matchAll(/<([^>]*)>/g)].map((hit) => hit[1])]) {
        assert.ok(link.startsWith(`http://127.0.0.1:${gate.port}/${vendor}/`), link);
      }
      assert.ok(answer.headers.link, "the Link field comes back, too");
      // Escaped slashes alone, with no other link beside them.
      say = (_, res) => res.writeHead(200, { "content-type": "application/json" }).end(`{"next":"${links[0].replaceAll("/", "\\/")}"}`);
      assert.ok(JSON.parse((await call()).body).next.startsWith(`http://127.0.0.1:${gate.port}/${vendor}/`));
    });
  }
});

test("a declined intent does not bring its client_secret: who has it confirms without passing the gate", async () => {
  const intent = { id: "pi_1", object: "payment_intent", amount: 100, currency: "usd", status: "requires_payment_method", client_secret: "pi_1_secret_77" };
  const setup = { id: "seti_1", object: "setup_intent", client_secret: "seti_1_secret_77" };
  say = (call, res) => res.writeHead(call.method === "GET" ? 200 : 402, { "content-type": "application/json" }).end(JSON.stringify(call.method === "GET" ? intent
    : { error: { type: "card_error", code: "card_declined", message: "Declined.", payment_intent: intent, setup_intent: setup } }));
  for (const [target, body] of [["/v1/payment_intents", "amount=100&currency=usd&confirm=true"], ["/v1/payment_intents/pi_1", "description=x"], ["/v1/payment_intents/pi_1/confirm", ""], ["/v1/payment_intents/pi_1/capture", ""],
    ["/v1/payment_intents/pi_1/cancel", ""], ["/v1/setup_intents", "confirm=true"], ["/v1/setup_intents/seti_1", "description=x"], ["/v1/setup_intents/seti_1/confirm", ""]]) {
    const answer = await ask("stripe", "POST", target, body, { "content-type": "application/x-www-form-urlencoded" });
    assert.equal(answer.status, 402, `${target}: ${answer.all}`);
    assert.ok(!answer.all.includes("secret_77"), `${target}: ${answer.all}`);
    assert.equal(JSON.parse(answer.body).error.payment_intent.client_secret, "[hidden by tollgate]");
  }
});
