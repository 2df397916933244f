// SPDX-License-Identifier: Apache-2.0
// What an LLM vendor sells beside chat: text completions, pictures, sound, moderation, videos. The official SDK, a scripted vendor.
import { before, beforeEach } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { CohereClientV2 } from "cohere-ai";
import OpenAI, { toFile } from "openai";

import { config, key, secrets, tokenOf } from "./lib/config.js";
import { formOf, startEndpoints } from "./lib/endpoints_mock.js";
import { nanos, startGate } from "./lib/gate.js";
import { sleep, until } from "./lib/process.js";
import { assert, newRun, test, thrown } from "./lib/test.js";

let gate, vendor;
const sdk = (name, more = {}) => new OpenAI({ apiKey: tokenOf(name), baseURL: `${gate.url}/openai/v1`, maxRetries: 0, ...more });
const on = (run) => ({ headers: { "x-agent-run-id": run } });
const only = async (run) => {
  const rows = await until(async () => {
    const found = await gate.calls({ run });
    return found.length && found;
  }, `a row of ${run}`);
  assert.equal(rows.length, 1);
  return rows[0];
};
const spent = async (run) => nanos((await gate.get(`/runs/${run}`)).total_usd);
const png = () => toFile(Buffer.alloc(5000, 1), "a.png", { type: "image/png" });

/** Seconds of sound, uncompressed: 8 kHz, 16 bits. */
function wav(seconds) {
  const head = Buffer.from("RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0", "latin1");
  return toFile(Buffer.concat([head, Buffer.alloc(seconds * 16000 - head.length)]), "a.wav", { type: "audio/wav" });
}
const mp3 = (bytes) => toFile(Buffer.concat([Buffer.from("ID3"), Buffer.alloc(bytes - 3)]), "a.mp3", { type: "audio/mpeg" });

async function refused(fn, code = "budget_exceeded") {
  const count = vendor.count;
  const error = await thrown(fn());
  assert.equal(vendor.count, count, "nothing is forwarded");
  assert.equal(error.code, code);
  return error;
}

before(async () => {
  vendor = await startEndpoints();
  gate = await startGate(
    config({ openai: vendor.url, gemini: vendor.url, cohere: vendor.url, xai: vendor.url, anthropic: vendor.url, together: `${vendor.url}/v1`, mistral: vendor.url, azure: vendor.url }, {
      credentials: { "gemini-main": { secret: "gm-upstream-0001" }, "cohere-main": { secret: "co-upstream-0001" }, "xai-main": { secret: "xai-upstream-0001" }, "together-main": { secret: "tg-upstream-0001" }, "mistral-main": { secret: "mi-upstream-0001" }, "azure-main": { secret: "az-upstream-0001" } },
      prices: {
        "xai/grok-live": { in: "1", out: "2", context: 10000, units: [{ kind: "source", usd: "25", per: 1000 }] },
        "anthropic/claude-coder": { in: "1", out: "2", context: 10000, units: [{ kind: "code_session", usd: "0.05" }] },
      },
      vendors: { openai: { settings: { fine_tuning_job_usd: "4", fine_tuning_token_usd: "0.000003" }, models: { "prod-pictures": "dall-e-3", "prod-sora": "sora-2", "prod-mini": "gpt-4o-mini" } } },
      policies: { some: { allow: ["openai.*"], models: ["dall-e-2", "whisper-1"] },
        capped: { allow: ["openai.files.create", "openai.batches.create", "openai.responses"], parameters: { "openai.responses": { max_output_tokens: { max: 10 } } } },
        filer: { allow: ["openai.files.create", "openai.batches.create"], deny: ["openai.responses"] },
        batched: { allow: ["*.files.create", "*batches.create", "*.batch.jobs.create", "*.batchGenerateContent"], deny: ["*.chat.completions", "*.responses", "*.messages", "*.generateContent"] },
        ruled: { allow: ["*"], parameters: { "*.chat.completions": { max_tokens: { max: 10 } }, "anthropic.messages": { max_tokens: { max: 10 } } } },
        modeled: { allow: ["*"], models: ["small", "claude-haiku-*"] } },
      keys: [
        key("free", ["openai-main"]),
        key("capped", ["openai-main"], { policy: "capped" }),
        key("filer", ["openai-main"], { policy: "filer" }),
        key("some", ["openai-main"], { policy: "some" }),
        key("day", ["openai-main"], { budgets: [{ limit: "100 usd", window: "day" }] }),
        key("cent", ["openai-main"], { budgets: [{ limit: "0.01 usd", window: "day" }] }),
        key("dime", ["openai-main"], { budgets: [{ limit: "0.1 usd", window: "day" }] }),
        key("video", ["openai-main"], { budgets: [{ limit: "1 usd", window: "day" }] }),
        key("batch", ["openai-main"], { budgets: [{ limit: "0.01 usd", window: "day" }] }),
        key("veo", ["gemini-main"], { budgets: [{ limit: "5 usd", window: "day" }] }),
        key("rank", ["cohere-main"], { budgets: [{ limit: "0.01 usd", window: "day" }] }),
        key("batches", ["together-main"]),
        ...["batched", "ruled", "modeled"].map((policy) => key(policy, ["openai-main", "together-main", "mistral-main", "azure-main", "anthropic-main", "gemini-main"], { policy })),
        key("live", ["xai-main", "anthropic-main"], { budgets: [{ limit: "1 usd", window: "day" }] }),
        key("tune", ["openai-main"], { budgets: [{ limit: "5 usd", window: "day" }] }),
        key("video2", ["openai-main"], { budgets: [{ limit: "1 usd", window: "day" }] }),
      ],
    }),
  );
});

beforeEach(() => { vendor.play = {}; });

test("completions: cost by tokens, and the vendor's usual limit where the gate must set one", async () => {
  const run = newRun();
  vendor.play = { body: { id: "c", object: "text_completion", created: 1, model: "gpt-3.5-turbo-instruct", choices: [{ text: "hi", index: 0, finish_reason: "stop", logprobs: null }], usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 } } };
  const { data, response } = await sdk("day").completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "Say hi" }, on(run)).withResponse();
  assert.equal(data.choices[0].text, "hi");
  assert.equal(JSON.parse(vendor.last().text).max_tokens, 16);
  assert.equal(vendor.last().headers.authorization, `Bearer ${secrets.openai}`);
  const cost = 5n * 1500n + 7n * 2000n;
  assert.equal(nanos(response.headers.get("x-tollgate-cost-usd")), cost);
  assert.equal(nanos((await only(run)).cost_usd), cost);
  await refused(() => sdk("cent").completions.create({ model: "gpt-3.5-turbo-instruct", prompt: ["a", "b"], best_of: 20, n: 1, max_tokens: 1000 }));
});

test("completions streamed: usage asked for, and hidden from who did not", async () => {
  const run = newRun();
  const chunk = (text) => ({ id: "c", object: "text_completion", created: 1, model: "gpt-3.5-turbo-instruct", choices: [{ text, index: 0, finish_reason: null, logprobs: null }], usage: null });
  vendor.play = { events: [chunk("Hel"), chunk("lo"), { ...chunk(""), choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 } }, "data: [DONE]\n\n"] };
  const texts = [];
  for await (const one of await sdk("day").completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "x", max_tokens: 9, stream: true }, on(run))) texts.push(one.choices[0].text);
  assert.equal(texts.join(""), "Hello");
  assert.equal(JSON.parse(vendor.last().text).stream_options.include_usage, true);
  assert.equal(nanos((await only(run)).cost_usd), 5n * 1500n + 2n * 2000n);
});

test("pitfall 30: pictures without usage cost their price by size and quality", async () => {
  const run = newRun();
  vendor.play = { body: { created: 1, data: [{ url: "https://pictures.example/1" }] } };
  const { data, response } = await sdk("day").images.generate({ model: "dall-e-3", prompt: "a hat", size: "1792x1024", quality: "hd" }, on(run)).withResponse();
  assert.ok(data.data[0].url.startsWith(`${gate.url}/tollgate/results/`), data.data[0].url); // docs/endpoints.md: links to results
  assert.equal(nanos(response.headers.get("x-tollgate-cost-usd")), 120_000_000n);
  const row = await only(run);
  assert.equal(nanos(row.cost_usd), 120_000_000n);
  assert.equal(nanos(row.reserved_usd), 120_000_000n);
  assert.equal(row.settled, true);
  assert.equal(row.estimated, false);
});

test("deployments are reserved and settled by the models that they are", async () => {
  const run = newRun();
  vendor.play = { body: { created: 1, data: [{ url: "https://pictures.example/1" }] } };
  await sdk("day").images.generate({ model: "prod-pictures", prompt: "a hat", size: "1792x1024", quality: "hd" }, on(run));
  const row = await only(run);
  assert.equal(nanos(row.reserved_usd), 120_000_000n);
  assert.equal(nanos(row.cost_usd), 120_000_000n);
  assert.equal(row.estimated, false);
  await refused(() => sdk("dime").images.generate({ model: "prod-pictures", prompt: "a hat", size: "1792x1024", quality: "hd" }));
});

test("pictures beyond the budget are refused, and so are sizes without a price", async () => {
  await refused(() => sdk("dime").images.generate({ model: "dall-e-3", prompt: "a hat", size: "1792x1024", quality: "hd" }));
  await refused(() => sdk("dime").images.generate({ model: "dall-e-3", prompt: "a hat", size: "1x1" }), "price_unknown");
  await refused(() => sdk("dime").images.generate({ model: "gpt-image-1", prompt: "a hat", quality: "high" }));
  vendor.play = { body: { created: 1, data: [{ url: "x" }, { url: "y" }] } };
  await sdk("dime").images.generate({ model: "dall-e-2", prompt: "a hat", n: 2, size: "256x256" }); // 0.032
  await refused(() => sdk("dime").images.generate({ model: "dall-e-2", prompt: "a hat", n: 5, size: "256x256" })); // 0.08
});

test("pictures by token, from a form: text and pictures have their own prices", async () => {
  const run = newRun();
  vendor.play = { body: { created: 1, data: [{ b64_json: "AA==" }], size: "1024x1024", quality: "low", usage: { input_tokens: 430, input_tokens_details: { image_tokens: 400, text_tokens: 30 }, output_tokens: 272, total_tokens: 702 } } };
  await sdk("day").images.edit({ model: "gpt-image-1", image: [await png(), await png()], prompt: "a hat", quality: "low" }, on(run));
  const sent = formOf(vendor.last());
  assert.equal(sent.model, "gpt-image-1");
  assert.equal(sent["image[]"], 5000);
  const row = await only(run);
  const cost = 400n * 10_000n + 30n * 5000n + 272n * 40_000n;
  assert.equal(nanos(row.cost_usd), cost);
  assert.equal(row.model, "gpt-image-1");
  assert.equal(row.usage.output_tokens, 272);
  assert.ok(nanos(row.reserved_usd) >= cost);
});

test("a form is passed on byte for byte", async () => {
  const body = "--b1\r\nContent-Disposition: form-data; name=\"image\"; filename=\"ä.png\"\r\nContent-Type: image/png\r\n\r\n\x00\xff\r\n\r\n--b\r\n--b1--\r\n";
  vendor.play = { body: { created: 1, data: [{ url: "x" }] } };
  const answer = await fetch(`${gate.url}/openai/v1/images/variations`, { method: "POST", headers: { authorization: `Bearer ${tokenOf("day")}`, "content-type": "multipart/form-data; boundary=b1" }, body: Buffer.from(body) });
  assert.equal(answer.status, 200);
  assert.equal(vendor.last().text, Buffer.from(body).toString());
  assert.equal(nanos(answer.headers.get("x-tollgate-cost-usd")), 20_000_000n, "dall-e-2, one of 1024x1024");
});

test("streamed pictures: partial ones pass, the end tells the cost", async () => {
  const run = newRun();
  const usage = { input_tokens: 10, input_tokens_details: { image_tokens: 0, text_tokens: 10 }, output_tokens: 372, total_tokens: 382 };
  vendor.play = { events: [{ type: "image_generation.partial_image", b64_json: "AAAA", partial_image_index: 0 }, { type: "image_generation.completed", b64_json: "BBBB", size: "1024x1024", quality: "low", usage }] };
  const seen = [];
  for await (const event of await sdk("day").images.generate({ model: "gpt-image-1", prompt: "a hat", quality: "low", stream: true, partial_images: 1 }, on(run))) seen.push(event.type);
  assert.deepEqual(seen, ["image_generation.partial_image", "image_generation.completed"]);
  assert.equal(nanos((await only(run)).cost_usd), 10n * 5000n + 372n * 40_000n);
});

test("pictures too large to be held pass, and what was reserved stands", async () => {
  const run = newRun();
  const b64 = "A".repeat(9 << 20);
  vendor.play = { body: { created: 1, data: [{ b64_json: b64 }] } };
  const made = await sdk("day").images.generate({ model: "dall-e-3", prompt: "a hat", response_format: "b64_json" }, on(run));
  assert.equal(made.data[0].b64_json.length, b64.length);
  const row = await only(run);
  assert.equal(nanos(row.cost_usd), 40_000_000n);
  assert.equal(row.estimated, true);
});

test("a policy's models hold for forms", async () => {
  await refused(async () => sdk("some").images.edit({ model: "gpt-image-1", image: await png(), prompt: "x" }), "model_denied");
  vendor.play = { body: { created: 1, data: [{ url: "x" }] } };
  await sdk("some").images.createVariation({ image: await png() });
});

test("pitfall 30: speech costs its characters, and is passed on while it comes", async () => {
  const run = newRun();
  const pieces = [Buffer.alloc(70_000, 1), Buffer.alloc(70_000, 2)];
  vendor.play = { type: "audio/mpeg", body: pieces, pause: 300 };
  const began = performance.now();
  const answer = await sdk("day").audio.speech.create({ model: "tts-1", input: "Grüße 😀", voice: "alloy" }, on(run));
  assert.ok(performance.now() - began < 250, "the first bytes do not wait for the last");
  assert.equal(Buffer.compare(Buffer.from(await answer.arrayBuffer()), Buffer.concat(pieces)), 0);
  const row = await only(run);
  assert.equal(nanos(row.cost_usd), 7n * 15_000n);
  assert.equal(row.settled, true);
  await refused(() => sdk("cent").audio.speech.create({ model: "tts-1", input: "x".repeat(1000), voice: "alloy" }));
});

test("speech by the second: an estimate from the bytes; by tokens where events tell them", async () => {
  const run = newRun();
  vendor.play = { type: "audio/pcm", body: Buffer.alloc(48_000 * 2 + 10) };
  await (await sdk("day").audio.speech.create({ model: "gpt-4o-mini-tts", input: "Hello there, how are you?", voice: "alloy", response_format: "pcm" }, on(run))).arrayBuffer();
  const row = await only(run);
  assert.equal(nanos(row.cost_usd), 3n * 250_000n);
  assert.equal(row.estimated, true);
  const second = newRun();
  vendor.play = { events: [{ type: "speech.audio.delta", audio: "AAAA" }, { type: "speech.audio.done", usage: { input_tokens: 14, output_tokens: 101, total_tokens: 115 } }] };
  await (await sdk("day").audio.speech.create({ model: "gpt-4o-mini-tts", input: "Hello", voice: "alloy", stream_format: "sse" }, on(second))).text();
  assert.equal(nanos((await only(second)).cost_usd), 14n * 600n + 101n * 12_000n);
});

test("transcriptions: seconds as told, bounded by the file", async () => {
  const run = newRun();
  vendor.play = { body: { text: "hi", usage: { type: "duration", seconds: 9 } } };
  const { response } = await sdk("day").audio.transcriptions.create({ model: "whisper-1", file: await mp3(100_000) }, on(run)).withResponse();
  assert.equal(nanos(response.headers.get("x-tollgate-cost-usd")), 900_000n);
  const row = await only(run);
  assert.equal(nanos(row.cost_usd), 900_000n);
  assert.equal(nanos(row.reserved_usd), 10_000_000n, "100 seconds at the lowest bitrate");
  assert.equal(row.settled, true);
  await refused(async () => sdk("cent").audio.transcriptions.create({ model: "whisper-1", file: await mp3(110_000) }));
});

test("transcriptions in other formats: duration, subtitles, a WAV's own head, else the reservation", async () => {
  const cases = [
    ["verbose_json", await mp3(100_000), { body: { task: "transcribe", duration: 8.47, language: "english", text: "hi" } }, 900_000n, false],
    ["srt", await mp3(100_000), { type: "text/plain", body: "1\n00:00:00,000 --> 00:00:07,440\nhi\n" }, 800_000n, true],
    ["vtt", await mp3(100_000), { type: "text/vtt", body: "WEBVTT\n\n00:00.000 --> 00:05.000\nhi\n" }, 600_000n, true],
    ["text", await wav(12), { type: "text/plain", body: "hi" }, 1_200_000n, true],
    ["text", await mp3(100_000), { type: "text/plain", body: "hi" }, 10_000_000n, true],
  ];
  for (const [response_format, file, play, cost, estimated] of cases) {
    const run = newRun();
    vendor.play = play;
    await sdk("day").audio.transcriptions.create({ model: "whisper-1", file, response_format }, on(run));
    const row = await only(run);
    assert.equal(nanos(row.cost_usd), cost, response_format);
    assert.equal(row.estimated, estimated, response_format);
  }
});

test("pitfall 42: tokens of sound at the price of sound; pitfall 43: cached ones are cached", async () => {
  const run = newRun();
  vendor.play = { body: { text: "hi", usage: { type: "tokens", input_tokens: 57, input_token_details: { text_tokens: 10, audio_tokens: 47 }, output_tokens: 5, total_tokens: 62 } } };
  await sdk("day").audio.transcriptions.create({ model: "gpt-4o-transcribe", file: await mp3(10_000) }, on(run));
  assert.equal(nanos((await only(run)).cost_usd), 47n * 6000n + 10n * 2500n + 5n * 10_000n);
  const cached = newRun();
  vendor.play = { events: [{ type: "transcript.text.delta", delta: "hi" }, { type: "transcript.text.done", text: "hi", usage: { type: "tokens", input_tokens: 100, input_token_details: { text_tokens: 20, audio_tokens: 80, cached_tokens: 50, cached_tokens_details: { text_tokens: 10, audio_tokens: 40 } }, output_tokens: 5, total_tokens: 105 } }] };
  for await (const event of await sdk("day").audio.transcriptions.create({ model: "gpt-4o-transcribe", file: await mp3(10_000), stream: true }, on(cached))) assert.match(event.type, /^transcript/);
  const row = await only(cached);
  assert.equal(row.cached_tokens, 50);
  assert.equal(nanos(row.cost_usd), 40n * 6000n + 10n * 2500n + 50n * 2500n + 5n * 10_000n, "no price of its own for cached input here: that of input");
});

test("translations have no usage: the reservation stands, and says that it is an estimate", async () => {
  const run = newRun();
  vendor.play = { body: { text: "hi" } };
  await sdk("day").audio.translations.create({ model: "whisper-1", file: await mp3(10_000) }, on(run));
  const row = await only(run);
  assert.equal(nanos(row.cost_usd), 1_000_000n);
  assert.equal(row.estimated, true);
});

test("moderations are free and say so, under a money budget too", async () => {
  const run = newRun();
  vendor.play = { body: { id: "modr-1", model: "omni-moderation-latest", results: [{ flagged: false, categories: {}, category_scores: {} }] } };
  await sdk("cent").moderations.create({ input: "I like hats" }, on(run));
  const row = await only(run);
  assert.equal(nanos(row.cost_usd), 0n);
  assert.equal(row.estimated, false);
  assert.equal(row.model, "omni-moderation-latest");
});

test("a refusal of the vendor's costs nothing", async () => {
  const run = newRun();
  vendor.play = { status: 400, error: { error: { message: "blocked", type: "image_generation_user_error", code: "moderation_blocked", param: null } } };
  const error = await thrown(sdk("day").images.generate({ model: "dall-e-3", prompt: "x" }, on(run)));
  assert.equal(error.code, "moderation_blocked");
  assert.equal(nanos((await only(run)).cost_usd), 0n);
});

test("a stream of pictures that breaks off leaves its reservation standing", async () => {
  const run = newRun();
  vendor.play = { events: [{ type: "image_generation.partial_image", b64_json: "AAAA", partial_image_index: 0 }] };
  const stream = await sdk("day").images.generate({ model: "gpt-image-1", prompt: "x", quality: "low", stream: true }, on(run));
  await thrown((async () => { for await (const _ of stream); })());
  const row = await only(run);
  assert.equal(row.estimated, true);
  assert.equal(nanos(row.cost_usd), nanos(row.reserved_usd));
});

const settledOnce = (row) => until(async () => {
  const { settlements } = await gate.call(row.id);
  assert.ok((settlements?.length ?? 0) <= 1);
  return settlements?.[0];
}, `the settlement of ${row.id}`, { timeout: 20_000 });

test("S-12 video job refund: a failed job is refunded once, and its row tells why", async () => {
  const run = newRun();
  const made = await sdk("video").videos.create({ model: "sora-2", prompt: "a hat", seconds: "8" }, on(run));
  assert.equal(made.status, "queued");
  const row = await only(run);
  assert.equal(nanos(row.cost_usd), 800_000_000n);
  assert.equal(row.estimated, true);
  assert.equal(row.upstream_object_id, made.id);
  await refused(() => sdk("video").videos.create({ model: "sora-2", prompt: "a hat", seconds: "4" })); // 0.8 of 1 is taken
  Object.assign(vendor.jobs.get(made.id), { status: "failed", error: { code: "moderation_blocked", message: "not this hat" } });
  for (let i = 0; i < 5; i++) assert.equal((await sdk("video").videos.retrieve(made.id)).status, "failed");
  const settlement = await settledOnce(row);
  assert.match(settlement.reason, /failed: not this hat/);
  assert.equal(await spent(run), 0n);
  for (let i = 0; i < 3; i++) await sdk("video").videos.retrieve(made.id);
  await sleep(2500);
  assert.equal((await gate.call(row.id)).settlements.length, 1);
  assert.equal(await spent(run), 0n, "once");
  await sdk("video").videos.create({ model: "sora-2", prompt: "a hat", seconds: "8" }); // the money is there again
});

test("S-12 across a crash: the gate asks by itself after it, and a job that completed keeps its price", async () => {
  const done = newRun(), lost = newRun();
  const good = await sdk("video2").videos.create({ model: "sora-2", prompt: "a", seconds: "4" }, on(done));
  const bad = await sdk("video2").videos.create({ model: "sora-2", prompt: "b", seconds: "4", input_reference: await png() }, on(lost));
  const rows = [await only(done), await only(lost)];
  assert.equal(nanos(rows[1].cost_usd), 400_000_000n);
  await sleep(1200); // the store has them
  await gate.kill();
  Object.assign(vendor.jobs.get(good.id), { status: "completed", progress: 100 });
  Object.assign(vendor.jobs.get(bad.id), { status: "failed", error: { code: "x", message: "y" } });
  await gate.start();
  await sdk("video2").videos.retrieve(good.id);
  await sdk("video2").videos.retrieve(bad.id);
  assert.match((await settledOnce(rows[0])).reason, /completed/);
  assert.match((await settledOnce(rows[1])).reason, /failed/);
  assert.equal(await spent(done), 400_000_000n);
  assert.equal(await spent(lost), 0n);
  const again = (await gate.calls({ run: done }))[0];
  assert.equal(nanos(again.cost_usd), 400_000_000n);
});

const lines = (calls) => toFile(Buffer.from(calls.map((body, i) => JSON.stringify({ custom_id: `c${i}`, method: "POST", url: "/v1/chat/completions", body })).join("\n")), "batch.jsonl");
const chat = { model: "gpt-4o-mini", max_tokens: 100, messages: [{ role: "user", content: "Say hello." }] };
let files = 0;
const file = () => ({ id: `file-${++files}`, object: "file", bytes: 1, created_at: 1, filename: "batch.jsonl", purpose: "batch" });
const batchOf = (call) => ({ id: `batch_${++files}`, object: "batch", endpoint: "/v1/chat/completions", completion_window: "24h", created_at: 1, status: "validating", ...JSON.parse(call.text) });
const usage = (input, output) => ({ input_tokens: input, output_tokens: output, total_tokens: input + output, input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } });

test("batches: reserved by what the file's lines can cost, settled by the batch's usage at the price of batches", async () => {
  const run = newRun();
  vendor.play = { make: file };
  const client = sdk("batch");
  const uploaded = await client.files.create({ file: await lines([chat, chat, chat]), purpose: "batch" });
  vendor.play = { make: batchOf };
  const made = await client.batches.create({ input_file_id: uploaded.id, endpoint: "/v1/chat/completions", completion_window: "24h" }, on(run));
  const row = await only(run);
  assert.equal(row.model, "gpt-4o-mini");
  assert.ok(nanos(row.reserved_usd) >= 3n * 100n * 600n && nanos(row.reserved_usd) < 1_000_000n, row.reserved_usd);
  assert.equal(nanos(row.cost_usd), nanos(row.reserved_usd));
  await client.batches.retrieve(made.id);
  await sleep(2000);
  assert.equal((await gate.call(row.id)).settlements?.length ?? 0, 0, "not over yet");
  Object.assign(vendor.jobs.get(made.id), { status: "completed", model: "gpt-4o-mini-2024-07-18", request_counts: { total: 3, completed: 3, failed: 0 }, usage: usage(60, 90) });
  await client.batches.retrieve(made.id);
  assert.match((await settledOnce(row)).reason, /completed/);
  assert.equal(await spent(run), 60n * 75n + 90n * 300n, "half of the usual price");
});

test("batches: a limit that the vendor does not read by its new name goes by the old one", async () => {
  const client = sdk("batches", { baseURL: `${gate.url}/together/v1` }), ask = { ...chat, max_tokens: undefined, max_completion_tokens: 50 };
  vendor.play = { make: file };
  const line = (body) => JSON.stringify({ custom_id: "c", method: "POST", url: "/v1/chat/completions", body });
  const spelt = line(ask).replace("max_completion_tokens", "max_completion\\u005ftokens");
  await client.files.create({ file: await toFile(Buffer.from(spelt), "batch.jsonl"), purpose: "batch" });
  assert.match(vendor.last().text, /"max_tokens":50/);
  const text = (last) => `${line(chat)}\n${line(last)}\n \t${line(last)} \t\n\n \n\t${line(last)} `;
  await client.files.create({ file: await toFile(Buffer.from(text(ask)), "batch.jsonl"), purpose: "batch" });
  const said = vendor.last().text.split("\r\n").filter((part) => part.startsWith("{"))[0].split("\n"), blanks = text(ask).split("\n").map((one) => one.replace(/\{.*\}/, ""));
  assert.deepEqual(said.map((one) => one.replace(/\{.*\}/, "")), blanks, "what stands around a line stays");
  const bodies = said.filter((one) => one.trim()).map((one) => JSON.parse(one).body), old = { ...chat, max_tokens: 50 };
  assert.deepEqual(bodies, [chat, old, old, old]);
});

test("batches: what its tools can cost by the piece stays, since the batch does not tell of it", async () => {
  const search = { model: "gpt-4o-mini", input: "news?", max_output_tokens: 20, max_tool_calls: 10, tools: [{ type: "web_search" }] };
  const text = [search, search].map((body, i) => JSON.stringify({ custom_id: `c${i}`, method: "POST", url: "/v1/responses", body })).join("\n");
  for (const [done, kept] of [[{ status: "completed", request_counts: { total: 2, completed: 2, failed: 0 }, usage: usage(60, 90) }, true], [{ status: "failed" }, false]]) {
    const run = newRun();
    vendor.play = { make: file };
    const uploaded = await sdk("day").files.create({ file: await toFile(Buffer.from(text), "batch.jsonl"), purpose: "batch" });
    vendor.play = { make: batchOf };
    const made = await sdk("day").batches.create({ input_file_id: uploaded.id, endpoint: "/v1/responses", completion_window: "24h" }, on(run));
    const row = await only(run);
    const tools = nanos(row.tools_usd);
    assert.ok(tools >= 20n * 10_000_000n && tools < nanos(row.reserved_usd), row.tools_usd);
    Object.assign(vendor.jobs.get(made.id), done);
    await sdk("day").batches.retrieve(made.id);
    const { reason } = await settledOnce(row);
    assert.equal(await spent(run), kept ? tools + 60n * 75n + 90n * 300n : 0n);
    assert.equal(reason.includes("estimate"), kept, reason);
  }
});

test("batches: each line is a call of the policy's", async () => {
  const make = (name, calls, url = "/v1/responses") => {
    vendor.play = { make: file };
    const text = calls.map((body, i) => JSON.stringify({ custom_id: `c${i}`, method: "POST", url, body })).join("\n");
    return toFile(Buffer.from(text), "batch.jsonl").then((file) => sdk(name).files.create({ file, purpose: "batch" }));
  };
  const batch = (name, id, endpoint = "/v1/responses") => sdk(name).batches.create({ input_file_id: id, endpoint, completion_window: "24h" });
  const call = (max_output_tokens) => ({ model: "gpt-4o-mini", input: "Hi", max_output_tokens });
  const small = (await make("capped", [call(10), call(5)])).id, large = (await make("capped", [call(10), call(100)])).id, foreign = (await make("free", [call(5)])).id;
  assert.match((await refused(() => batch("capped", large), "parameter_denied")).message, /line 2 .*max_output_tokens/);
  assert.match((await refused(() => batch("capped", foreign), "parameter_denied")).message, /upload it/);
  await refused(() => batch("capped", "file-unseen"), "parameter_denied");
  await refused(() => batch("capped", small, "/v1/chat/completions"), "operation_denied");
  await refused(() => batch("capped", small, "/v1/unheard"), "operation_denied");
  await refused(() => batch("filer", foreign), "operation_denied");
  await refused(() => batch("filer", "file-unseen"), "operation_denied");
  const other = (await make("capped", [{ ...chat }], "/v1/chat/completions")).id;
  assert.match((await refused(() => batch("capped", other), "operation_denied")).message, /line 1 /);
  vendor.play = { make: batchOf };
  assert.ok((await batch("capped", small)).id);
  assert.ok((await batch("free", "file-unseen")).id);
});

test("batches: at other vendors, too, each line is a call of the policy's", async () => {
  const at = (name) => sdk(name, { baseURL: `${gate.url}/together/v1` });
  const make = async (name, calls) => {
    vendor.play = { make: file };
    return (await at(name).files.create({ file: await lines(calls), purpose: "batch" })).id;
  };
  const batch = (name, id, endpoint = "/v1/chat/completions") => at(name).batches.create({ input_file_id: id, endpoint, completion_window: "24h" });
  const call = (max_tokens, model = "small") => ({ ...chat, model, max_tokens });
  const fine = await make("ruled", [call(10), call(5)]), large = await make("ruled", [call(10), call(100)]), small = await make("modeled", [call(5)]), other = await make("modeled", [call(5, "large")]);
  await refused(() => batch("batched", fine), "operation_denied");
  await refused(() => batch("batched", "file-unseen"), "operation_denied");
  await refused(() => batch("batched", fine, "/v1/unheard"), "operation_denied");
  assert.match((await refused(() => batch("ruled", large), "parameter_denied")).message, /line 2 .*max_tokens/);
  assert.match((await refused(() => batch("ruled", small), "parameter_denied")).message, /upload it/);
  await refused(() => batch("modeled", other), "model_denied");
  assert.match((await refused(() => batch("modeled", "file-unseen"), "model_denied")).message, /upload it/);
  vendor.play = { make: batchOf };
  assert.ok((await batch("ruled", fine)).id);
  assert.ok((await batch("modeled", small)).id);
  assert.ok((await batch("batches", "file-unseen")).id);
});

test("batches: calls that nobody reads, or that stand in the body, are calls of the policy's", async () => {
  const ask = async (name, path, body) => {
    const count = vendor.count;
    const answer = await fetch(gate.url + path, { method: "POST", headers: { authorization: `Bearer ${tokenOf(name)}`, "content-type": "application/json" }, body: ` ${JSON.stringify(body)}` });
    const text = await answer.text(), code = answer.headers.get("x-tollgate-denied") ?? "passed";
    assert.equal(vendor.count - count, code === "passed" ? 1 : 0, text);
    return `${code} ${text}`;
  };
  vendor.play = { body: { id: "b" } };
  const message = (max_tokens, model = "claude-haiku-4-5") => ({ custom_id: "a", params: { model, max_tokens, messages: chat.messages } });
  const jobs = ["/mistral/v1/batch/jobs", { input_files: ["f"], model: "small", endpoint: "/v1/chat/completions" }], azure = ["/azure/v1/batches", { input_file_id: "f", endpoint: "/chat/completions" }];
  const google = ["/gemini/v1beta/models/gemini-2.5-flash:batchGenerateContent", { batch: { input_config: { file_name: "files/f" } } }], claude = ["/anthropic/v1/messages/batches", { requests: [message(10), message(5)] }];
  for (const at of [jobs, azure, google, claude]) assert.match(await ask("batched", ...at), /^operation_denied /, at[0]);
  for (const at of [jobs, azure]) assert.match(await ask("ruled", ...at), /^operation_denied .*cannot read the calls/, at[0]);
  for (const at of [jobs, azure, google]) assert.match(await ask("modeled", ...at), /^operation_denied .*rules on models/, at[0]);
  assert.match(await ask("ruled", jobs[0], { ...jobs[1], endpoint: "/v1/embeddings" }), /^passed /);
  for (const name of ["ruled", "modeled"]) assert.match(await ask(name, ...claude), /^passed /);
  assert.match(await ask("ruled", claude[0], { requests: [message(10), message(100)] }), /^parameter_denied .*request 2 .*max_tokens/);
  assert.match(await ask("modeled", claude[0], { requests: [message(100), message(5, "claude-opus-4-5")] }), /^model_denied .*request 2 /);
  assert.match(await ask("ruled", claude[0], { requests: [{ custom_id: "a" }] }), /^bad_request /);
  assert.match(await ask("ruled", claude[0], {}), /^operation_denied /);
});

test("batches and jobs of deployments have the prices of their models", async () => {
  const run = newRun(), client = sdk("day");
  vendor.play = { make: file };
  const uploaded = await client.files.create({ file: await lines([{ ...chat, model: "prod-mini" }]), purpose: "batch" });
  vendor.play = { make: batchOf };
  const made = await client.batches.create({ input_file_id: uploaded.id, endpoint: "/v1/chat/completions", completion_window: "24h" }, on(run));
  const row = await only(run);
  Object.assign(vendor.jobs.get(made.id), { status: "completed", request_counts: { total: 1, completed: 1, failed: 0 }, usage: usage(20, 30) });
  await client.batches.retrieve(made.id);
  await settledOnce(row);
  assert.equal(await spent(run), 20n * 75n + 30n * 300n);
  const other = newRun();
  vendor.play = {};
  const video = await client.videos.create({ model: "prod-sora", prompt: "a hat", seconds: "4" }, on(other));
  const held = await only(other);
  assert.equal(nanos(held.reserved_usd), 400_000_000n);
  Object.assign(vendor.jobs.get(video.id), { status: "completed", progress: 100 });
  await client.videos.retrieve(video.id);
  await settledOnce(held);
  assert.equal(await spent(other), 400_000_000n);
});

test("batches: one that cannot be bounded, or is too dear, is refused under a money budget", async () => {
  const client = sdk("batch");
  const batch = (id) => client.batches.create({ input_file_id: id, endpoint: "/v1/chat/completions", completion_window: "24h" });
  const error = await refused(() => batch("file-unseen"), "price_unknown");
  assert.match(error.message, /upload its input file through the gate first/);
  const upload = async (calls) => {
    vendor.play = { make: file };
    return (await client.files.create({ file: await lines(calls), purpose: "batch" })).id;
  };
  const mixed = await upload([chat, { ...chat, model: "gpt-4o" }]);
  await refused(() => batch(mixed), "price_unknown");
  const dear = await upload(Array.from({ length: 300 }, () => ({ ...chat, max_tokens: 1000 })));
  await refused(() => batch(dear));
  const wild = await upload([{ ...chat, model: "no-such-model" }]);
  await refused(() => batch(wild), "price_unknown");
  const other = await upload([chat]);
  await refused(() => sdk("some").batches.create({ input_file_id: other, endpoint: "/v1/chat/completions", completion_window: "24h" }), "model_denied");
});

test("batches: one that failed costs nothing; one that was cancelled what was done until then", async () => {
  const client = sdk("day");
  for (const [job, cost] of [[{ status: "failed", errors: { object: "list", data: [] } }, 0n], [{ status: "cancelled", request_counts: { total: 2, completed: 1, failed: 0 }, usage: usage(20, 30) }, 20n * 75n + 30n * 300n]]) {
    const run = newRun();
    vendor.play = { make: file };
    const { id } = await client.files.create({ file: await lines([chat, chat]), purpose: "batch" });
    vendor.play = { make: batchOf };
    const made = await client.batches.create({ input_file_id: id, endpoint: "/v1/chat/completions", completion_window: "24h" }, on(run));
    const row = await only(run);
    Object.assign(vendor.jobs.get(made.id), job);
    await client.batches.retrieve(made.id);
    await settledOnce(row);
    assert.equal(await spent(run), cost, job.status);
  }
});

test("fine-tuning: reserved by a setting, settled by the tokens that were trained", async () => {
  const run = newRun();
  vendor.play = { make: (call) => ({ id: `ftjob-${++files}`, object: "fine_tuning.job", status: "queued", trained_tokens: null, ...JSON.parse(call.text) }) };
  const made = await sdk("tune").fineTuning.jobs.create({ model: "gpt-4o-mini-2024-07-18", training_file: "file-1" }, on(run));
  const row = await only(run);
  assert.equal(nanos(row.cost_usd), 4_000_000_000n);
  await refused(() => sdk("tune").fineTuning.jobs.create({ model: "gpt-4o-mini-2024-07-18", training_file: "file-1" }));
  Object.assign(vendor.jobs.get(made.id), { status: "succeeded", trained_tokens: 123_456 });
  await sdk("tune").fineTuning.jobs.retrieve(made.id);
  await settledOnce(row);
  assert.equal(await spent(run), 123_456n * 3000n);
});

test("large uploads that nobody has to read go through without being held", async () => {
  vendor.play = { make: file };
  const big = await toFile(Buffer.alloc(40 << 20, 65), "train.jsonl");
  const made = await sdk("day").files.create({ file: big, purpose: "fine-tune" });
  assert.equal(made.object, "file");
  assert.ok(vendor.last().body.length > 40 << 20);
});

test("S-12 at Google: a Veo operation without videos is given back, one with them is paid", async () => {
  const client = new GoogleGenAI({ apiKey: tokenOf("veo"), httpOptions: { baseUrl: `${gate.url}/gemini` } });
  const ask = { model: "veo-3.1-generate-preview", prompt: "a hat", config: { durationSeconds: 6, resolution: "1080p" } };
  const price = 6n * 400_000_000n;
  let operation = await client.models.generateVideos(ask);
  const first = await gate.lastCall({ vendor: "gemini" });
  assert.equal(nanos(first.cost_usd), price);
  assert.equal(first.model, "veo-3.1-generate-preview");
  await client.models.generateVideos(ask);
  const second = await gate.lastCall({ vendor: "gemini" });
  await refused(() => client.models.generateVideos(ask).catch((e) => { throw Object.assign(e, { code: JSON.parse(e.message).error.tollgate.code }); }));
  operation = await client.operations.getVideosOperation({ operation });
  assert.equal(Boolean(operation.done), false);
  await sleep(1500);
  assert.equal((await gate.call(first.id)).settlements?.length ?? 0, 0);
  const [one, two] = [...vendor.jobs.values()].filter((job) => job.name);
  Object.assign(one, { done: true, error: { code: 3, message: "blocked by a filter" } });
  Object.assign(two, { done: true, response: { generateVideoResponse: { generatedSamples: [{ video: { uri: "https://x/1.mp4" } }] } } });
  operation = await client.operations.getVideosOperation({ operation });
  assert.equal(operation.done, true);
  const lost = await settledOnce(first);
  assert.match(lost.reason, /failed: blocked by a filter/);
  assert.equal(nanos(lost.cost_usd), -price);
  assert.equal(nanos((await settledOnce(second)).cost_usd), 0n);
});

test("rerank: searches as told, reserved by documents", async () => {
  const client = new CohereClientV2({ token: tokenOf("rank"), environment: `${gate.url}/cohere`, maxRetries: 0 });
  vendor.play = { body: { id: "r", results: [{ index: 0, relevance_score: 0.9 }], meta: { api_version: { version: "2" }, billed_units: { search_units: 1 } } } };
  await client.rerank({ model: "rerank-v3.5", query: "hats", documents: ["a hat", "a cat"] });
  const row = await gate.lastCall({ vendor: "cohere" });
  assert.equal(nanos(row.cost_usd), 2_000_000n);
  assert.equal(nanos(row.reserved_usd), 2_000_000n);
  assert.equal(row.settled, true);
  const count = vendor.count;
  await thrown(client.rerank({ model: "rerank-v3.5", query: "hats", documents: Array.from({ length: 500 }, (_, i) => `hat ${i}`) }, { maxRetries: 0 }));
  assert.equal(vendor.count, count, "five searches do not fit");
});

test("live search: each source has a price and a bound, or the call is refused and told what to do", async () => {
  const run = newRun(), client = sdk("live", { baseURL: `${gate.url}/xai/v1` });
  const ask = { model: "grok-live", max_tokens: 10, messages: [{ role: "user", content: "news?" }] };
  const open = await refused(() => client.chat.completions.create({ ...ask, search_parameters: { mode: "auto" } }), "price_unknown");
  assert.match(open.message, /search_parameters: .*set max_search_results/);
  const unpriced = await refused(() => client.chat.completions.create({ ...ask, model: "grok-4", search_parameters: { max_search_results: 4 } }), "price_unknown");
  assert.match(unpriced.message, /no price for source/);
  assert.match((await refused(() => client.chat.completions.create({ ...ask, enable_search: true }), "price_unknown")).message, /enable_search/);
  assert.match((await refused(() => client.responses.create({ model: "grok-live", prompt: { id: "pmpt_1" } }), "price_unknown")).message, /prompt: .*tool_choice/);
  vendor.play = { body: { id: "c", object: "chat.completion", created: 1, model: "grok-live", choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "none" } }], usage: { prompt_tokens: 100, completion_tokens: 5, total_tokens: 105, num_sources_used: 3 } } };
  await client.chat.completions.create({ ...ask, search_parameters: { max_search_results: 4 } }, on(run));
  const row = await only(run);
  assert.equal(nanos(row.cost_usd), 100n * 1000n + 5n * 2000n + 3n * 25_000_000n);
  assert.ok(nanos(row.reserved_usd) >= 100_000_000n);
});

test("Anthropic's code execution: a container has the operator's price, or the call is refused", async () => {
  const run = newRun(), client = new Anthropic({ apiKey: tokenOf("live"), baseURL: `${gate.url}/anthropic`, maxRetries: 0 });
  const ask = { model: "claude-coder", max_tokens: 10, messages: [{ role: "user", content: "1+1?" }], tools: [{ type: "code_execution_20250825", name: "code_execution" }] };
  const count = vendor.count, error = await thrown(client.messages.create({ ...ask, model: "claude-sonnet-4-5" }));
  assert.equal(vendor.count, count);
  assert.match(error.message, /no price for code_session/);
  vendor.play = { body: { id: "msg_1", type: "message", role: "assistant", model: "claude-coder", content: [{ type: "text", text: "2" }], stop_reason: "end_turn", stop_sequence: null, usage: { input_tokens: 100, output_tokens: 5 } } };
  await client.messages.create(ask, on(run));
  assert.equal(nanos((await only(run)).cost_usd), 100n * 1000n + 5n * 2000n + 50_000_000n);
});
