// SPDX-License-Identifier: Apache-2.0
// The official SDK for Amazon SES through the gate, which throws its signature away and signs anew; two implementations that nobody here wrote check ours.
import crypto from "node:crypto";
import { before } from "node:test";

import { CreateEmailIdentityPolicyCommand, GetEmailIdentityCommand, ListContactsCommand, ListEmailTemplatesCommand, ListSuppressedDestinationsCommand, SendBulkEmailCommand, SendEmailCommand, SESv2Client, SESv2ServiceException } from "@aws-sdk/client-sesv2";
import { SignatureV4 } from "@smithy/signature-v4";
import aws4 from "aws4";

import { nanos } from "./lib/gate.js";
import { assert, test } from "./lib/test.js";
import { secretOf, startVendor } from "./lib/vendor.js";

let v;
const each = 100_000n; // a mail, in nano-dollars
const region = "eu-west-1", accessKeyId = "AKIDEXAMPLE0001";
const sdk = (key, run) => new SESv2Client({ endpoint: v.url, region: "us-east-1", credentials: { accessKeyId: v.token(key, run), secretAccessKey: "anything" } });
const mail = (to, more = {}) => new SendEmailCommand({ FromEmailAddress: "Team <team@example.com>", Destination: { ToAddresses: [].concat(to) }, Content: { Simple: { Subject: { Data: "hi" }, Body: { Text: { Data: "hello" } } } }, ...more });

function answer(call) {
  if (call.url === "/v2/email/outbound-emails") return [200, { MessageId: "m-1" }];
  if (call.url === "/v2/email/outbound-bulk-emails")
    return [200, { BulkEmailEntryResults: JSON.parse(call.text).BulkEmailEntries.map((_, i) => (i === 1 ? { Status: "MESSAGE_REJECTED" } : { Status: "SUCCESS", MessageId: `m-${i}` })) }];
  return [200, { EmailIdentities: [], Contacts: [] }];
}

before(async () => {
  v = await startVendor("ses", {
    answer,
    credential: { key_id: accessKeyId },
    vendor: { settings: { region } },
    policies: {
      reads: { allow: ["ses.Get*", "ses.List*"] },
      inside: { allow: ["ses.*"], scopes: { "ses.to": ["*@example.org"], "ses.from": ["example.com"] } },
    },
    keys: {
      reads: { policy: "reads" },
      inside: { policy: "inside" },
      day: { budgets: [{ limit: "1 usd", window: "day" }] },
      seven: { budgets: [{ limit: "7 messages", window: "day" }] },
    },
  });
}, { timeout: 60_000 });

const parts = (authorization) => Object.fromEntries([...authorization.matchAll(/(Credential|SignedHeaders|Signature)=([^, ]+)/g)].map((m) => [m[1], m[2]]));

/** What the SDK's own implementation and aws4 say to the request that arrived, with the real secret. */
async function signedAnew(call) {
  const got = parts(call.headers.authorization);
  const signed = Object.fromEntries(got.SignedHeaders.split(";").map((name) => [name, call.headers[name]]));
  const [path, query = ""] = call.url.split("?");
  const pairs = {};
  for (const [name, value] of new URLSearchParams(query)) pairs[name] = name in pairs ? [].concat(pairs[name], value) : value;
  const credentials = { accessKeyId, secretAccessKey: secretOf("ses") };
  const date = call.headers["x-amz-date"];
  const at = new Date(date.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3:$4:$5Z"));
  class Sha256 {
    constructor(secret) { this.hash = secret ? crypto.createHmac("sha256", secret) : crypto.createHash("sha256"); }
    update(data) { this.hash.update(data); }
    async digest() { return new Uint8Array(this.hash.digest()); }
  }
  const smithy = await new SignatureV4({ credentials, region, service: "ses", sha256: Sha256, applyChecksum: true })
    .sign({ method: call.method, protocol: "http:", hostname: "x", path, query: pairs, headers: { ...signed }, body: call.text || undefined }, { signingDate: at });
  const signer = new aws4.RequestSigner({ method: call.method, path: call.url, service: "ses", region, headers: { ...signed }, body: call.text, doNotModifyHeaders: true }, credentials);
  signer.datetime = date;
  const other = signer.sign();
  const want = parts(smithy.headers.authorization);
  assert.deepEqual(got, want, "as the SDK's own implementation signs");
  assert.equal(got.Signature, parts(other.headers.Authorization ?? other.headers.authorization).Signature, `as aws4 signs ${call.url}`);
  assert.equal(signed["x-amz-content-sha256"], crypto.createHash("sha256").update(call.body).digest("hex"));
}

function isClean(call) {
  const all = [call.url, call.text, ...call.rawHeaders].join("\n");
  assert.ok(!/key-of-/.test(all), "no key of the gate goes up");
  assert.ok(!all.includes(secretOf("ses")), "nor the secret itself");
}

test("a mail goes through: signed anew, every recipient priced", async () => {
  const row = await v.row((run) => sdk("day", run).send(mail(["a@example.org", "b@example.org"])));
  const sent = v.upstream.last();
  isClean(sent);
  assert.ok(sent.headers.authorization.startsWith(`AWS4-HMAC-SHA256 Credential=${accessKeyId}/`));
  assert.ok(sent.headers.authorization.includes(`/${region}/ses/aws4_request`));
  await signedAnew(sent);
  assert.deepEqual(JSON.parse(sent.text).Destination, { ToAddresses: ["a@example.org", "b@example.org"] });
  assert.equal(row.operation, "ses.SendEmail");
  assert.equal(nanos(row.cost_usd), 2n * each);
  assert.equal(row.upstream_object_id, "m-1");
});

test("identities in the path and parameters in the query are signed as they are sent", async () => {
  await sdk("free").send(new GetEmailIdentityCommand({ EmailIdentity: "a+b@example.com" }));
  await signedAnew(v.upstream.last());
  await sdk("free").send(new ListSuppressedDestinationsCommand({ PageSize: 5, NextToken: "a/b+c=d e&f", Reasons: ["COMPLAINT", "BOUNCE"] }));
  assert.equal(new URLSearchParams(v.upstream.last().url.split("?")[1]).get("NextToken"), "a/b+c=d e&f");
  await signedAnew(v.upstream.last());
});

test("200 requests by dice are signed as two others sign them", { timeout: 60_000 }, async () => {
  const pick = (n) => crypto.randomInt(n);
  const letters = [..."abcXYZ019-._~ !*'()$&+,/:=?@%äß€日"];
  const word = (least = 0) => Array.from({ length: least + pick(12) }, () => letters[pick(letters.length)]).join("");
  const name = () => Array.from({ length: 1 + pick(12) }, () => "abcXYZ019-_@+"[pick(13)]).join("");
  for (let i = 0; i < 200; i++) {
    const kind = pick(4);
    if (kind === 0) await sdk("free").send(mail(`${"abc"[pick(3)]}@example.org`, { EmailTags: [{ Name: word(1), Value: word() }] }));
    else if (kind === 1) await sdk("free").send(pick(2) ? new ListEmailTemplatesCommand({ PageSize: 1 + pick(99), NextToken: word(1) }) : new ListSuppressedDestinationsCommand({ Reasons: ["BOUNCE", "COMPLAINT"], NextToken: word(1) }));
    else if (kind === 2) await sdk("free").send(new GetEmailIdentityCommand({ EmailIdentity: name() }));
    else await sdk("free").send(new ListContactsCommand({ ContactListName: name(), PageSize: pick(9), NextToken: word(1), Filter: { FilteredStatus: "OPT_IN" } }));
    await signedAnew(v.upstream.last());
    isClean(v.upstream.last());
  }
});

test("mails in bulk count every recipient; what was refused is given back", async () => {
  const entry = (...to) => ({ Destination: { ToAddresses: to } });
  const row = await v.row((run) => sdk("day", run).send(new SendBulkEmailCommand({ FromEmailAddress: "team@example.com", DefaultContent: { Template: { TemplateName: "t", TemplateData: "{}" } }, BulkEmailEntries: [entry("a@example.org", "b@example.org"), entry("c@example.org")] })));
  assert.equal(nanos(row.reserved_usd), 3n * each);
  assert.equal(nanos(row.cost_usd), 2n * each);
});

test("a raw mail must say its recipients", async () => {
  const raw = (more) => new SendEmailCommand({ FromEmailAddress: "team@example.com", Content: { Raw: { Data: Buffer.from("To: everybody@example.net\r\n\r\nhi") } }, ...more });
  await v.refused(() => sdk("day").send(raw({})), "price_unknown");
  await sdk("day").send(raw({ Destination: { ToAddresses: ["a@example.org"] } }));
});

test("a refusal is the SDK's own exception, once", async () => {
  const error = await v.refused(() => sdk("reads").send(mail("a@example.org")), "operation_denied");
  assert.ok(error instanceof SESv2ServiceException);
  assert.equal(error.name, "AccessDeniedException");
  assert.equal(error.$metadata.httpStatusCode, 403);
  assert.match(error.message, /policy/);
  await v.refused(() => sdk("inside").send(mail(["a@example.org", "a@example.net"])), "scope_denied");
  await v.refused(() => sdk("inside").send(mail("a@example.org", { FromEmailAddress: "x@example.net" })), "scope_denied");
  await v.refused(() => sdk("free").send(new CreateEmailIdentityPolicyCommand({ EmailIdentity: "example.com", PolicyName: "p", Policy: "{}" })), "operation_denied");
});

test("recipients do not stand in header fields", async () => {
  const withHeader = (Name) => mail("a@example.org", { Content: { Simple: { Subject: { Data: "hi" }, Body: { Text: { Data: "x" } }, Headers: [{ Name, Value: "b@example.net" }] } } });
  await sdk("free").send(withHeader("X-Campaign"));
  await v.refused(() => sdk("free").send(withHeader("bCC")), "parameter_denied");
});

test("an unknown path is refused", async () => {
  const res = await fetch(`${v.url}/v2/email/everything`, { method: "POST", headers: { authorization: `AWS4-HMAC-SHA256 Credential=${v.token("free")}/20261121/eu-west-1/ses/aws4_request, SignedHeaders=host, Signature=0`, "content-type": "application/json" }, body: "{}" });
  assert.equal(res.status, 403);
  assert.equal((await res.json()).__type, "AccessDeniedException");
});

test("a cap holds for many at once", { timeout: 30_000 }, async () => {
  const client = sdk("seven");
  await v.capHolds({ fits: 7, call: () => client.send(mail("a@example.org")) });
});
