// SPDX-License-Identifier: Apache-2.0
// Scenarios of jobs: videos and batches that are asked for now and done later.
import { before } from "node:test";

import { config, key, tokenOf } from "./lib/config.js";
import { startEndpoints } from "./lib/endpoints_mock.js";
import { startGate } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { startScripted } from "./lib/recorder.js";
import { assert, test } from "./lib/test.js";

let gate, vendor;

before(async () => {
  vendor = await startEndpoints();
  gate = await startGate(config({ openai: vendor.url, gemini: vendor.url }, {
    credentials: { "gemini-main": { secret: "gm-upstream-0001" } },
    keys: [key("both", ["openai-main", "gemini-main"], { budgets: [{ limit: "100 usd", window: "day" }] })],
  }));
});

const post = (path, body, headers = { "content-type": "application/json" }) =>
  fetch(`${gate.url}${path}`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("both")}`, ...headers }, body });

test("S-52 callback honesty: what a vendor would not call back is refused by its name, never left out in silence", async () => {
  const veo = "/gemini/v1beta/models/veo-3.1-generate-preview:predictLongRunning";
  const cases = [
    ["/v1/videos", { model: "sora-2", prompt: "a hat", callback_url: "https://example.com/done" }, "callback_url"],
    ["/v1/videos", { model: "sora-2", prompt: "a hat", webhookUrl: "https://example.com/done" }, "webhookUrl"],
    ["/openai/v1/videos", { model: "sora-2", prompt: "a hat", webhook: { url: "https://example.com/done" } }, "webhook"],
    [veo, { instances: [{ prompt: "a hat" }], parameters: { durationSeconds: 4, callbackUrl: "https://example.com/done" } }, "callbackUrl"],
    ["/openai/v1/batches", { input_file_id: "file-1", endpoint: "/v1/chat/completions", completion_window: "24h", callback_url: "https://example.com" }, "callback_url"],
  ];
  for (const [path, body, name] of cases) {
    const count = vendor.count;
    const answer = await post(path, JSON.stringify(body));
    const text = await answer.text();
    assert.equal(answer.status, 400, `${path}: ${text}`);
    assert.equal(answer.headers.get("x-tollgate-denied"), "bad_request");
    assert.ok(text.includes(`${name}: `), text);
    assert.equal(vendor.count, count, "nothing is forwarded");
  }
  const form = new FormData();
  for (const [name, value] of Object.entries({ model: "sora-2", prompt: "a hat", seconds: "4", callback_url: "https://example.com" })) form.set(name, value);
  const refused = await post("/v1/videos", form, {});
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /callback_url: /);
  const fine = await post("/v1/videos", JSON.stringify({ model: "sora-2", prompt: "call back: a webhook", seconds: "4", callback_url: null }));
  assert.equal(fine.status, 200, await fine.text());
});

/** Where a vendor keeps results, at a host that is not its own: what was asked for, and what it answers. */
async function startShelf() {
  const shelf = await startScripted((call, res) => {
    if (call.url.startsWith("/moved")) return res.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    if (call.url.startsWith("/gone")) return res.writeHead(403, { "content-type": "text/xml" }).end("<Error/>");
    const bytes = call.url.startsWith("/large") ? shelf.large : Buffer.from("the bytes of a film");
    res.writeHead(200, { "content-type": "video/mp4", "content-length": bytes.length, "set-cookie": "a=b", location: "/elsewhere" });
    return res.end(bytes);
  });
  shelf.large = Buffer.alloc(24 << 20, "film");
  return shelf;
}

/** A gate of its own, with short links; the vendor's answer to a job or a picture names `url`. */
async function startLinks(more = {}) {
  const shelf = await startShelf();
  const links = await startGate(config({ openai: vendor.url, gemini: vendor.url }, {
    credentials: { "gemini-main": { secret: "gm-upstream-0001" } },
    keys: [key("film", ["openai-main", "gemini-main"], { label: "acme:film", user: "ann" }), key("other", ["openai-main", "gemini-main"]), key("home", ["openai-main"], { addresses: ["10.0.0.0/8", "127.0.0.1"] })],
    private_results: true,
    ...more,
  }));
  const as = (who, method, path, body) => fetch(`${links.url}${path}`, { method, headers: { authorization: `Bearer ${tokenOf(who)}`, "content-type": "application/json" }, body: body && JSON.stringify(body) });
  /** A film that is ready: { call, read(): the job as the caller sees it }. */
  const film = async (url, who = "film") => {
    const made = await as(who, "POST", "/gemini/v1beta/models/veo-3.1-generate-preview:predictLongRunning", { instances: [{ prompt: "see https://example.com/a" }], parameters: { durationSeconds: 4 } });
    const { name } = await made.json();
    Object.assign(vendor.jobs.get(name.split("/").at(-1)), { done: true, response: { generateVideoResponse: { generatedSamples: [{ video: { uri: url } }], note: "https://words.example/stay" } } });
    const read = async () => {
      const answer = await as(who, "GET", `/gemini/v1beta/${name}`);
      const text = await answer.text();
      return { text, call: answer.headers.get("x-tollgate-call-id"), link: JSON.parse(text).response.generateVideoResponse.generatedSamples[0].video.uri, note: JSON.parse(text).response.generateVideoResponse.note };
    };
    return { call: made.headers.get("x-tollgate-call-id"), read };
  };
  return { gate: links, shelf, film, as };
}

const denied = async (link, status, code, words) => {
  const answer = await fetch(link, { redirect: "manual" });
  const text = await answer.text();
  assert.equal(answer.status, status, text);
  assert.equal(answer.headers.get("x-tollgate-denied"), code);
  assert.match(text, words);
};

test("S-53 result link: the caller gets the gate's link, which streams, and never the vendor's", async () => {
  const { gate, shelf, film } = await startLinks();
  const signed = `${shelf.url}/film.mp4?X-Signature=abc%2Fdef&exp=1`;
  const { read, call } = await film(signed);
  const { link, text, note } = await read();
  assert.ok(!text.includes("X-Signature") && !text.includes(shelf.url), text);
  assert.equal(note, "https://words.example/stay", "what is not named for a link is left alone");
  assert.ok(link.startsWith(`${gate.url}/tollgate/results/`), link);
  const answer = await fetch(link); // no key: the link is all that its holder has
  assert.equal(answer.status, 200);
  assert.equal(await answer.text(), "the bytes of a film");
  assert.equal(answer.headers.get("content-type"), "video/mp4");
  assert.equal(answer.headers.get("cache-control"), "private, no-store");
  assert.equal(answer.headers.get("set-cookie"), null);
  const asked = shelf.calls.at(-1);
  assert.equal(asked.url, "/film.mp4?X-Signature=abc%2Fdef&exp=1");
  for (const name of ["authorization", "x-goog-api-key", "x-api-key", "cookie"]) assert.equal(asked.headers[name], undefined, name);
  assert.ok(!JSON.stringify(asked.headers).includes("gm-upstream"));
  const row = await until(async () => (await gate.get("/calls?limit=20")).data.find((r) => r.operation === "result.fetch"), "the row of the fetch");
  assert.equal(row.path, `/tollgate/results/${call}`, "the row names the call, not the link");
  assert.equal(row.status, 200);
  assert.equal(row.key_name, "film");
  assert.deepEqual([row.label, row.user], ["acme:film", "ann"]);

  const large = await (await film(`${shelf.url}/large`)).read();
  const body = Buffer.from(await (await fetch(large.link)).arrayBuffer());
  assert.ok(body.equals(shelf.large), "24 MiB, three times what an answer may be held");

  await denied((await (await film(`${shelf.url}/moved`)).read()).link, 502, "upstream_broken", /leads on to another place/);
  await denied((await (await film(`${shelf.url}/gone`)).read()).link, 502, "upstream_broken", /status 403/);
  const at = link.length - 20;
  await denied(link.slice(0, at) + (link[at] === "A" ? "B" : "A") + link.slice(at + 1), 404, "not_found", /no link of this gate/);
  await denied(`${gate.url}/tollgate/results/`, 404, "not_found", /no link of this gate/);
  assert.equal((await fetch(link, { method: "POST", body: "x" })).status, 405);
});

test("S-53 a picture's link is the gate's too, its data is as it came, and the vendor's own host is left alone", async () => {
  const { gate, shelf, as } = await startLinks();
  vendor.play = { body: { created: 1, data: [{ url: `${shelf.url}/p.png?sig=1`, revised_prompt: "https://prompt.example" }, { b64_json: "aGF0" }, { url: `${vendor.url}/v1/files/f_1/content` }] } };
  const answer = await as("film", "POST", "/v1/images/generations", { model: "gpt-image-1", prompt: "a hat", size: "1024x1024", quality: "low" });
  vendor.play = {};
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  const { data } = JSON.parse(text);
  assert.ok(data[0].url.startsWith(`${gate.url}/tollgate/results/`));
  assert.equal(data[0].revised_prompt, "https://prompt.example");
  assert.deepEqual(data[1], { b64_json: "aGF0" });
  assert.equal(data[2].url, `${vendor.url}/v1/files/f_1/content`);
  assert.equal((await fetch(data[0].url)).status, 200);
});

test("S-53 a link that leaked dies after its time, and with a revocation, which outlives a restart", async () => {
  const { shelf, film } = await startLinks({ result_link_time: "2s" });
  const { read } = await film(`${shelf.url}/film.mp4`);
  const early = (await read()).link;
  assert.equal((await fetch(early)).status, 200);
  await until(async () => (await fetch(early)).status === 410, "the link to die");
  await denied(early, 410, "link_over", /expired at 20/);
  const count = shelf.calls.length;
  await denied(early, 410, "link_over", /read the job again/);
  assert.equal(shelf.calls.length, count, "a dead link asks nobody");

  const long = await startLinks();
  const other = await long.film(`${long.shelf.url}/film.mp4`), kept = await long.film(`${long.shelf.url}/film.mp4`);
  const link = (await other.read()).link, spared = (await kept.read()).link;
  assert.equal((await fetch(link)).status, 200);
  const stopped = await long.gate.post("/stop", { link: other.call, reason: "it was posted in a chat" });
  assert.equal(stopped.stopped.id, `link:${other.call}`);
  await denied(link, 410, "link_over", /revoked/);
  await denied((await other.read()).link, 410, "link_over", /revoked/); // a later one of the same job is dead, too
  assert.equal((await fetch(spared)).status, 200, "another job's goes on");
  await long.gate.restart();
  await denied(link.replace(/127\.0\.0\.1:\d+/, long.gate.data), 410, "link_over", /revoked/);
  assert.equal((await fetch(spared.replace(/127\.0\.0\.1:\d+/, long.gate.data))).status, 200, "links outlive a restart");
  const audit = await long.gate.get("/audit?kind=change&limit=20");
  assert.ok(audit.data.some((c) => c.data.action === "stop.create" && c.data.object === `link:${other.call}`), JSON.stringify(audit.data));
  const wrong = await long.gate.ask("POST", "/api/v1/stop", { link: "call" });
  assert.equal(wrong.status, 422);
  await long.gate.post("/resume", { link: other.call });
  assert.equal((await fetch(link.replace(/127\.0\.0\.1:\d+/, long.gate.data))).status, 200);
});

test("S-53 a link is as good as its key: revoked, it takes its links with it; so does a stop of its vendor", async () => {
  const { gate, shelf, film } = await startLinks();
  const mine = (await (await film(`${shelf.url}/film.mp4`)).read()).link;
  const theirs = (await (await film(`${shelf.url}/film.mp4`, "other")).read()).link;
  await gate.post("/stop", { vendor: "gemini" });
  await denied(mine, 403, "stopped", /this vendor/);
  await gate.post("/resume", { vendor: "gemini" });
  assert.equal((await fetch(mine)).status, 200);
  await gate.post("/keys/film/revoke");
  await denied(mine, 410, "link_over", /key that it was made for/);
  assert.equal((await fetch(theirs)).status, 200);
});

test("S-53 a link leads nowhere but to the internet: no private address, no plain http, unless the operator says so", async () => {
  const { shelf, film } = await startLinks({ private_results: false });
  await denied((await (await film(`${shelf.url}/film.mp4`)).read()).link, 502, "upstream_unreachable", /not https/);
  for (const inside of ["https://127.0.0.1:1/x", `https://localhost:${shelf.port}/x`, "https://169.254.169.254/latest", "https://user@example.com/x", "https://[::1]/x"])
    await denied((await (await film(inside)).read()).link, 502, "upstream_unreachable", /cannot be asked|could not be reached/);
  assert.equal(shelf.calls.length, 0);
});

test("S-51 two dialects of status: OpenAI's video and Google's, polled in one set of states, with numeric progress and one error", async () => {
  const { gate: own, as } = await startLinks();
  const OpenAI = (await import("openai")).default;
  const client = new OpenAI({ apiKey: tokenOf("film"), baseURL: `${own.url}/v1`, maxRetries: 0 });
  const shape = ({ status, progress, error }) => ({ status, progress, error });

  const sora = await client.videos.create({ model: "sora-2", prompt: "a hat", seconds: "4" });
  const job = vendor.jobs.get(sora.id);
  const theirs = [
    [{ status: "queued", progress: 0 }, { status: "queued", progress: 0, error: null }],
    [{ status: "in_progress", progress: "45.7%" }, { status: "in_progress", progress: 45, error: null }],
    [{ status: "processing", progress: undefined }, { status: "in_progress", progress: 0, error: null }],
    [{ status: "SUCCEEDED", progress: 97 }, { status: "completed", progress: 100, error: null }],
    [{ status: "failed", progress: 30, error: { code: "moderation_blocked", message: "no hats" } }, { status: "failed", progress: 30, error: { code: "moderation_blocked", message: "no hats" } }],
    [{ status: "failed", progress: 30, error: "no hats today" }, { status: "failed", progress: 30, error: { code: "failed", message: "no hats today" } }],
    [{ status: "canceled", progress: 10, error: null }, { status: "failed", progress: 10, error: { code: "cancelled", message: "the job was cancelled" } }],
    [{ status: "expired", progress: 10, error: null }, { status: "failed", progress: 10, error: { code: "expired", message: "the job ran out of time" } }],
  ];
  for (const [said, told] of theirs) {
    Object.assign(job, said);
    const seen = await client.videos.retrieve(sora.id);
    assert.deepEqual(shape(seen), told, JSON.stringify(said));
    assert.equal(seen.seconds, "4", "what else it says stays");
    assert.equal(seen.id, sora.id);
  }

  const made = await (await as("film", "POST", "/gemini/v1beta/models/veo-3.1-generate-preview:predictLongRunning", { instances: [{ prompt: "a hat" }], parameters: { durationSeconds: 4 } })).json();
  const operation = vendor.jobs.get(made.name.split("/").at(-1));
  const file = `${vendor.url}/v1beta/files/f1:download?alt=media`;
  const google = [
    [{}, { status: "in_progress", progress: 0, error: null }],
    [{ metadata: { progressPercent: 40 } }, { status: "in_progress", progress: 40, error: null }],
    [{ done: true, error: { code: 8, message: "too many films" } }, { status: "failed", progress: 40, error: { code: "resource_exhausted", message: "too many films" } }],
    [{ error: undefined, response: { generateVideoResponse: { raiMediaFilteredCount: 1, raiMediaFilteredReasons: ["not this hat"] } } }, { status: "failed", progress: 40, error: { code: "content_filtered", message: "not this hat" } }],
    [{ response: { generateVideoResponse: { generatedSamples: [{ video: { uri: "https://films.example/a.mp4?sig=secret" } }, { video: { uri: file } }] } } }, { status: "completed", progress: 100, error: null }],
  ];
  let last;
  for (const [said, told] of google) {
    Object.assign(operation, said);
    for (const id of [made.name, made.name.replaceAll("/", ":")]) {
      const answer = await as("film", "GET", `/v1/videos/${id}`);
      last = await answer.json();
      assert.equal(answer.status, 200, JSON.stringify(last));
      assert.deepEqual(shape(last), told, JSON.stringify(said));
    }
    assert.deepEqual(shape(await client.videos.retrieve(last.id)), told, "by OpenAI's own SDK");
    assert.deepEqual([last.id, last.object, last.model], [made.name.replaceAll("/", ":"), "video", "veo-3.1-generate-preview"]);
  }
  assert.ok(Math.abs(last.created_at - Date.now() / 1000) < 60);
  assert.equal(last.results.length, 2);
  assert.ok(last.results[0].url.startsWith(`${own.url}/tollgate/results/`));
  assert.equal(last.results[1].url, `${own.url}/gemini/v1beta/files/f1:download?alt=media`, "the vendor's own file: the gate's path, the caller's key");
  const raw = await (await as("film", "GET", `/gemini/v1beta/${made.name}`)).json();
  assert.equal(raw.done, true, "the vendor's own path gives its own words");
  assert.equal(raw.status, undefined);

  const errors = [];
  for (const id of ["video_none", "models:veo-3.1-generate-preview:operations:none"]) {
    vendor.play = { status: 404, error: id.startsWith("models") ? { error: { code: 404, message: "no such operation", status: "NOT_FOUND" } } : { error: { message: "no such video", type: "invalid_request_error", param: null, code: "not_found" } } };
    const answer = await as("film", "GET", `/v1/videos/${id}`);
    errors.push([answer.status, await answer.json()]);
  }
  vendor.play = {};
  for (const [status, { error }] of errors) {
    assert.equal(status, 404);
    assert.deepEqual(Object.keys(error).sort(), ["code", "message", "param", "type"]);
    assert.equal(error.code, "not_found");
  }
  const refused = await as("home", "GET", `/v1/videos/${made.name}`);
  assert.equal(refused.status, 403);
  const { error } = await refused.json();
  assert.ok(error.message && error.code === "operation_denied", JSON.stringify(error));
});
