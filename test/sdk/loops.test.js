// SPDX-License-Identifier: Apache-2.0
// Long sessions of coding agents, in the words of their own vendor, answered by another one's model: every turn is accepted, ids stay matched,
// signatures come back to whom they belong, money fits to the nano-dollar, and the fortieth turn is not slower than its length explains.
//
// What a default client sends, and what becomes of it where the vendor is another one:
//   Claude Code   system[0] "x-anthropic-billing-header: ..."   left out: it differs in each call, and would spoil every prefix cache
//                 cache_control (blocks, tools)                 left out where vendors cache by themselves; cache points on Bedrock
//                 context_management (clear_thinking only)      left out: other vendors are not shown old thoughts anyway
//                 tools[].eager_input_streaming                 left out: how arguments are cut in a stream
//                 metadata.user_id (about 150 characters)       its SHA-256 where 64 are allowed; left out where there is no such member
//                 thinking adaptive/enabled, output_config      the vendor's own effort or budget
//                 anthropic-beta, ?beta=true                    not forwarded
//                 web search with max_uses                      refused: a limit on what is spent is no hint (see the last test)
//   Codex         client_metadata, prompt_cache_key             left out
//                 store: false, include encrypted_content       kept by the gate: nothing is stored, thoughts come back signed
//                 custom tools with a grammar                   functions of one text; the grammar stands in their description
//                 web_search with external_web_access: false    refused: what may not reach the network must not (web_search = "disabled")
//   Gemini CLI    topK 64, topP 0.95                            left out: they are what Gemini does unasked
//                 thoughtSignature                              back to Gemini only
import { before } from "node:test";

import { tokenOf } from "./lib/config.js";
import { nanos } from "./lib/gate.js";
import { until } from "./lib/process.js";
import { startMarket } from "./lib/speakers/index.js";
import { assert, newRun, test } from "./lib/test.js";

const key = "key-of-loops-0123456789";
let market, gate;
before(async () => {
  market = await startMarket(key);
  gate = market.gate;
});

/* ---- what agents do, whoever they are ---- */

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const names = ["Read", "Write", "Edit", "Bash", "Glob", "Grep", "Task", "TodoWrite", "WebFetch", "NotebookEdit", "BashOutput", "KillShell", "Skill", "mcp__docs__find", "mcp__issues__list"];
const schemaOf = (name) => ({
  type: "object", additionalProperties: false, required: ["path"], $schema: "http://json-schema.org/draft-07/schema#",
  properties: { path: { type: "string", description: `where ${name} works` }, limit: { type: "integer", minimum: 1 }, mode: { type: "string", enum: ["a", "b"] }, tags: { type: "array", items: { type: "string" } } },
});

/** What the model does in turn i: it thinks, says something, calls one tool or two; the last turn only speaks. */
function scripts(turns, { thinks = true } = {}) {
  return Array.from({ length: turns }, (_, i) => {
    const usage = { input: 4000 + 900 * i, cached: i ? 3000 + 900 * (i - 1) : 0, output: 200 + 7 * i, reasoning: thinks ? 50 : 0 };
    const parts = thinks ? [{ thinking: [`Turn ${i}: `, "look \"there\" first."], signature: `sig-${i}-AbC+/=` }] : [];
    if (i === turns - 1) return { parts: [...parts, { text: ["All ", "done: ü€😀."] }], finish: "stop", usage };
    parts.push({ text: [`I go on with ${i}.`] });
    for (const k of i % 3 ? [0] : [0, 1]) {
      const args = JSON.stringify({ path: `src/${i}/${k}.c`, limit: i + 1, tags: ["\\n", "ä"] });
      parts.push({ tool: { id: `call_${i}_${k}_xYz`, name: names[(i + k) % names.length], args: [args.slice(0, 9), args.slice(9)], ...(k ? {} : { signature: `sig-tool-${i}` }) } });
    }
    return { parts, finish: "tools", usage };
  });
}

/** Of each answer of the vendor's: what it must have heard of the turns before it. */
function checkHeard(play, turns) {
  assert.deepEqual(play.calls.map((call) => call.refused).filter(Boolean), []);
  assert.equal(play.calls.length, turns);
  const last = play.calls.at(-1).heard.turns.flatMap((turn) => turn.parts);
  const called = last.filter((part) => part.call).map((part) => part.call), results = last.filter((part) => part.result).map((part) => part.result);
  const wanted = play.scripts.slice(0, -1).flatMap((script) => script.parts.filter((part) => part.tool).map((part) => part.tool));
  assert.deepEqual(called.map((one) => [one.name, one.args]), wanted.map((tool) => [tool.name, JSON.parse(tool.args.join(""))]), "what was called");
  assert.equal(results.length, wanted.length);
  results.forEach((result, i) => {
    if (called[i].id !== undefined) assert.equal(result.id, called[i].id, "a result belongs to its call");
    assert.match(result.text, new RegExp(`result of src/${wanted[i].args.join("").match(/src\/([\d/]+)\.c/)[1]}\\b`));
    if (result.name !== undefined) assert.equal(result.name, called[i].name);
  });
  const spoken = last.filter((part) => part.text !== undefined).map((part) => part.text).join("");
  for (let i = 0; i < turns - 1; i++) assert.ok(spoken.includes(`I go on with ${i}.`), `the text of turn ${i}`);
}

/** Nano-dollars a million tokens cost are 1000 times dollars; scripts count as bills do. */
async function checkMoney(run, scriptsSaid, rate) {
  const rows = await until(async () => {
    const found = (await gate.calls({ run })).filter((row) => row.operation !== "count_tokens");
    return found.length >= scriptsSaid.length && found.every((row) => row.cost_usd !== null) && found;
  }, "all rows");
  assert.equal(rows.length, scriptsSaid.length);
  const cost = scriptsSaid.reduce((sum, { usage }) => sum + BigInt(Math.round(((usage.input - usage.cached) * rate.in + usage.cached * rate.cached + usage.output * rate.out) * 1000)), 0n);
  assert.equal(rows.reduce((sum, row) => sum + nanos(row.cost_usd), 0n), cost);
}

/** The last turns against the first: a body that is so much longer may take so much longer, and some. */
function checkPace(times, sizes) {
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  const some = Math.min(8, times.length >> 1);
  const early = median(times.slice(2, 2 + some)), late = median(times.slice(-some)), grown = median(sizes.slice(-some)) / median(sizes.slice(2, 2 + some));
  assert.ok(late < 25 + early * grown * 3, `the last turns take ${late.toFixed(1)} ms, the first ${early.toFixed(1)} ms, bodies grew ${grown.toFixed(1)} times`);
}

async function* eventsOf(answer) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of answer.body) {
    rest += decoder.decode(bytes, { stream: true });
    for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
      const data = rest.slice(0, end).split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
      if (data && data !== "[DONE]") yield JSON.parse(data);
    }
  }
}

async function send(target, body, headers) {
  const text = JSON.stringify(body), began = performance.now();
  const answer = await fetch(gate.url + target, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: text });
  if (answer.status !== 200) assert.fail(`${answer.status}: ${await answer.text()}`);
  const events = [];
  if (/event-stream/.test(answer.headers.get("content-type"))) for await (const event of eventsOf(answer)) events.push(event);
  else events.push(await answer.json());
  return { events, took: performance.now() - began, size: text.length, adapted: answer.headers.get("x-tollgate-adapted") ?? "" };
}

/* ---- Claude Code ---- */

const claudeSystem = (i) => [
  { type: "text", text: `x-anthropic-billing-header: cc_version=2.1.251.3ab; cc_entrypoint=cli; cch=${(0x10000 + i * 7919).toString(16)};` },
  { type: "text", text: "You are a coding agent of a test.", cache_control: { type: "ephemeral", ttl: "1h", scope: "global" } },
  { type: "text", text: "Work in /repo. Be brief.\nToday is a day.", cache_control: { type: "ephemeral" } },
];
const claudeTools = names.map((name, i) => ({ name, description: `${name} does what it says.`, input_schema: schemaOf(name), eager_input_streaming: true, ...(i === names.length - 1 ? { cache_control: { type: "ephemeral" } } : {}) }));
const claudeHeaders = (run) => ({
  authorization: `Bearer ${key}`, "anthropic-version": "2023-06-01", "x-app": "cli", "user-agent": "claude-cli/2.1.251 (external, cli)", "x-stainless-lang": "js",
  "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,prompt-caching-scope-2026-01-05,effort-2025-11-24",
  "anthropic-dangerous-direct-browser-access": "true", ...(run ? { "x-agent-run-id": run } : {}),
});
const claudeUser = JSON.stringify({ device_id: "5".repeat(64), account_uuid: "1b4e28ba-2fa1-11d2-883f-0016d3cca427", session_id: "6ba7b810-9dad-11d1-80b4-00c04fd430c8" });
const claudeBody = (model, messages, i, more) => ({
  model, messages, system: claudeSystem(i), tools: claudeTools, metadata: { user_id: claudeUser }, max_tokens: 32_000, temperature: 1, stream: true,
  context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] }, ...more,
});

/** A message as the SDK puts it together, with the order of the events checked. */
function claudeMessage(events) {
  let message, open = -1;
  for (const event of events) {
    if (event.type === "message_start") { assert.equal(message, undefined); message = { ...event.message, content: [] }; }
    else if (event.type === "content_block_start") { assert.equal(event.index, message.content.length); open = event.index; message.content.push({ ...event.content_block }); }
    else if (event.type === "content_block_delta") {
      assert.equal(event.index, open);
      const block = message.content[open], { delta } = event;
      if (delta.type === "text_delta") block.text += delta.text;
      else if (delta.type === "thinking_delta") block.thinking += delta.thinking;
      else if (delta.type === "signature_delta") block.signature = (block.signature ?? "") + delta.signature;
      else if (delta.type === "input_json_delta") block.json = (block.json ?? "") + delta.partial_json;
    } else if (event.type === "content_block_stop") {
      assert.equal(event.index, open);
      const block = message.content[open];
      if (block.type === "tool_use") block.input = JSON.parse(block.json || "{}");
      delete block.json;
      open = -1;
    } else if (event.type === "message_delta") { Object.assign(message, event.delta); message.usage = { ...message.usage, ...event.usage }; }
  }
  assert.equal(events.at(-1).type, "message_stop");
  return message;
}

/** Results as Claude Code gives them: a string, blocks, a picture, an error. The cache mark is on the last block. */
function claudeResults(message, i) {
  const results = message.content.filter((block) => block.type === "tool_use").map((use, k) => ({
    type: "tool_result", tool_use_id: use.id,
    content: i % 4 === 1 ? [{ type: "text", text: `result of ${use.input.path.slice(0, -2)} in blocks` }, ...(i % 8 === 1 ? [{ type: "image", source: { type: "base64", media_type: "image/png", data: png } }] : [])] : `result of ${use.input.path.slice(0, -2)}\nline ${k}`,
    ...(i % 5 === 2 ? { is_error: true } : {}),
  }));
  return [...results, { type: "text", text: `<reminder>${i}</reminder>`, cache_control: { type: "ephemeral" } }];
}

const unmarked = (messages) => messages.map((message) => ({ ...message, content: message.content.map(({ cache_control, ...block }) => block) }));

async function claudeSession(model, turns, { thinking, usageOf, thinks = true }) {
  const play = market.play(...scripts(turns, { thinks })), run = newRun(), messages = [{ role: "user", content: [{ type: "text", text: `Mend it. #m${play.id}#` }] }];
  const seen = { play, run, times: [], sizes: [], adapted: new Set(), answers: [] };
  for (let i = 0; i < turns; i++) {
    const body = claudeBody(model, [...unmarked(messages.slice(0, -1)), messages.at(-1)], i, thinking);
    const { events, took, size, adapted } = await send("/v1/messages?beta=true", body, claudeHeaders(run));
    const message = claudeMessage(events);
    seen.times.push(took);
    seen.sizes.push(size);
    adapted.split(", ").filter(Boolean).forEach((name) => seen.adapted.add(name));
    seen.answers.push(message);
    assert.equal(message.stop_reason, i === turns - 1 ? "end_turn" : "tool_use");
    const { usage } = play.scripts[i];
    assert.deepEqual([message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens], [usage.input - usage.cached, usage.cached, usage.output]);
    messages.push({ role: "assistant", content: message.content });
    if (i < turns - 1) messages.push({ role: "user", content: claudeResults(message, i) });
    if (i % 10 === 3) await claudeCounts(model, messages, i);
  }
  checkHeard(play, turns);
  await checkMoney(run, play.scripts, usageOf);
  checkPace(seen.times, seen.sizes);
  for (const call of play.calls) assert.ok(!/x-anthropic-billing-header/.test(call.text) && !("anthropic-beta" in call.headers), "what is Anthropic's own stays here");
  return seen;
}

/** Claude Code counts between its turns; nobody is asked, and nothing is spent. */
async function claudeCounts(model, messages, i) {
  const { max_tokens, stream, temperature, metadata, ...body } = claudeBody(model, messages, i);
  const { events: [{ input_tokens }] } = await send("/v1/messages/count_tokens?beta=true", body, claudeHeaders());
  assert.ok(input_tokens > 500, `${input_tokens}`);
}

const adaptive = { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "high" } };
const enabled = { thinking: { type: "enabled", budget_tokens: 31_999 } };

test("Claude Code on OpenAI's chat: 44 turns", { timeout: 120_000 }, async () => {
  const { play, adapted } = await claudeSession("gpt-5.1", 44, { thinking: adaptive, usageOf: { in: 1.25, cached: 0.125, out: 10 } });
  const { ask } = play.calls.at(-1).heard;
  assert.equal(ask.reasoning_effort, "high");
  assert.match(ask.user, /^[0-9a-f]{64}$/);
  for (const name of ["system[0]", "cache_control", "context_management", "user", "tools[0].eager_input_streaming"]) assert.ok(adapted.has(name), `${name} of ${[...adapted]}`);
  assert.equal(ask.tools.length, names.length);
});

test("Claude Code on OpenAI's responses: its signatures come back, 40 turns", { timeout: 120_000 }, async () => {
  const { play, answers } = await claudeSession("gpt-5.1-codex", 40, { thinking: enabled, usageOf: { in: 1.25, cached: 0.125, out: 10 } });
  const back = play.calls.at(-1).heard.turns.flatMap((turn) => turn.parts).filter((part) => part.thinking).map((part) => part.thinking);
  assert.deepEqual(back.map((one) => one.signature), play.scripts.slice(0, -1).map((script) => script.parts[0].signature));
  assert.deepEqual(back.map((one) => one.text), play.scripts.slice(0, -1).map((script) => script.parts[0].thinking.join("")));
  assert.ok(answers.every((message) => message.content[0].type === "thinking" && !message.content[0].signature.startsWith("sig-")), "a signature says whose it is");
});

test("Claude Code on Gemini: signatures of calls come back, 40 turns", { timeout: 120_000 }, async () => {
  const { play } = await claudeSession("gemini-2.5-pro", 40, { thinking: adaptive, usageOf: { in: 1.25, cached: 0.125, out: 10 } });
  const calls = play.calls.at(-1).heard.turns.flatMap((turn) => turn.parts).filter((part) => part.call);
  const wanted = play.scripts.slice(0, -1).flatMap((script) => script.parts.filter((part) => part.tool).map((part) => part.tool.signature));
  assert.deepEqual(calls.map((part) => part.call.signature), wanted);
});

test("Claude Code on Bedrock's Converse, a model that does not think: 40 turns", { timeout: 120_000 }, async () => {
  const { play } = await claudeSession("bedrock/us.amazon.nova-pro-v1:0", 40, { thinking: {}, thinks: false, usageOf: { in: 0.8, cached: 0.2, out: 3.2 } });
  assert.match(play.calls[0].url, /converse-stream$/);
});

test("another vendor's thoughts are not shown to a vendor: a session that changes its model goes on", async () => {
  const first = await claudeSession("gpt-5.1-codex", 3, { thinking: enabled, usageOf: { in: 1.25, cached: 0.125, out: 10 } });
  const said = [{ role: "user", content: "Mend it. #mX#" }, { role: "assistant", content: first.answers[0].content }, { role: "user", content: claudeResults(first.answers[0], 0) }];
  for (const model of ["gemini-2.5-pro", "claude-sonnet-4-6", "gpt-5.1"]) {
    const play = market.play({ parts: [{ text: ["Yes."] }], finish: "stop", usage: { input: 10, output: 2 } });
    const messages = [{ role: "user", content: `Mend it. #m${play.id}#` }, ...said.slice(1)];
    await send("/v1/messages", claudeBody(model, messages, 0, {}), claudeHeaders());
    assert.deepEqual(play.calls.map((call) => call.refused), [undefined]);
    assert.ok(!play.calls[0].text.includes("sig-0"), `${model} is shown a signature of OpenAI's`);
  }
});

/* ---- Codex ---- */

const grammar = "start: begin body end\nbegin: \"*** Begin\" LF\nbody: /(.|\\n)+/\nend: \"*** End\" LF?\n%import common.LF";
const codexTools = [
  { type: "function", name: "exec_command", description: "Runs a command.", strict: false, parameters: { type: "object", properties: { cmd: { type: "string" }, timeout_ms: { type: "number" } }, required: ["cmd"], additionalProperties: false } },
  { type: "function", name: "update_plan", description: "Notes a plan.", strict: false, parameters: { type: "object", properties: { plan: { type: "array", items: { type: "object", properties: { step: { type: "string" }, status: { type: "string" } }, required: ["step", "status"], additionalProperties: false } } }, required: ["plan"], additionalProperties: false } },
  { type: "function", name: "view_image", description: "Looks at a picture.", strict: false, parameters: { type: "object", properties: { path: { type: "string" } }, required: ["path"], additionalProperties: false } },
  { type: "custom", name: "apply_patch", description: "Changes files.", format: { type: "grammar", syntax: "lark", definition: grammar } },
];
const codexHeaders = (run) => ({ authorization: `Bearer ${key}`, accept: "text/event-stream", originator: "codex_cli_rs", session_id: "0199-0001", "user-agent": "codex_cli_rs/0.147.0", ...(run ? { "x-agent-run-id": run } : {}) });
const codexBody = (model, input, more) => ({
  model, instructions: "You are a coding agent of another test.", input, tools: codexTools, tool_choice: "auto", parallel_tool_calls: false,
  reasoning: { effort: "medium", summary: "auto" }, store: false, stream: true, include: ["reasoning.encrypted_content"], prompt_cache_key: "0199-0001",
  client_metadata: { "x-codex-installation-id": "0199-0002" }, text: { verbosity: "medium" }, ...more,
});

function codexScripts(turns) {
  return Array.from({ length: turns }, (_, i) => {
    const usage = { input: 3000 + 700 * i, cached: i ? 2000 + 700 * (i - 1) : 0, output: 150 + 3 * i, reasoning: 0 };
    const thinking = { thinking: [`Step ${i}, `, "carefully."], signature: `sig-codex-${i}=` };
    if (i === turns - 1) return { parts: [thinking, { text: ["Done."] }], finish: "stop", usage };
    const patch = i % 3 === 2;
    const args = JSON.stringify(patch ? { input: `*** Begin\n+"${i}" ü\\\n*** End` } : { cmd: `echo "${i}" | wc -c`, timeout_ms: 1000 });
    return { parts: [thinking, { tool: { id: `toolu_${i}`, name: patch ? "apply_patch" : "exec_command", args: [args.slice(0, 7), args.slice(7)], signature: `sig-tool-${i}` } }], finish: "tools", usage };
  });
}

/** The output items of a stream, with what its last event says checked against what was streamed. */
function codexItems(events) {
  const items = [];
  events.forEach((event, i) => assert.equal(event.sequence_number, i));
  assert.equal(events[0].type, "response.created");
  for (const event of events) if (event.type === "response.output_item.done") items[event.output_index] = event.item;
  const { type, response } = events.at(-1);
  assert.equal(type, "response.completed");
  assert.deepEqual(response.output, items);
  return { items, response };
}

async function codexSession(model, turns, rate, more = {}) {
  const play = market.play(...codexScripts(turns)), run = newRun(), times = [], sizes = [], items = [];
  const input = [
    { type: "message", role: "developer", content: [{ type: "input_text", text: "<permissions>all</permissions>" }] },
    { type: "message", role: "user", content: [{ type: "input_text", text: "<environment>linux</environment>" }] },
    { type: "message", role: "user", content: [{ type: "input_text", text: `Mend it. #m${play.id}#` }] },
  ];
  for (let i = 0; i < turns; i++) {
    const { events, took, size } = await send("/v1/responses", codexBody(model, input, more), codexHeaders(run));
    times.push(took);
    sizes.push(size);
    const { items: said, response } = codexItems(events);
    assert.equal(response.usage.input_tokens, play.scripts[i].usage.input);
    assert.equal(response.store, false);
    items.push(...said);
    for (const item of said) {
      const { id, status, ...back } = item; // Codex sends no ids where nothing is stored
      input.push(back);
      if (item.type === "function_call") {
        assert.equal(JSON.parse(item.arguments).cmd, `echo "${i}" | wc -c`);
        const output = i % 6 === 4 ? [{ type: "input_text", text: `result of ${i}` }, { type: "input_image", image_url: `data:image/png;base64,${png}` }] : `result of ${i}: Exit code 0`;
        input.push({ type: "function_call_output", call_id: item.call_id, output });
      } else if (item.type === "custom_tool_call") {
        assert.equal(item.input, `*** Begin\n+"${i}" ü\\\n*** End`);
        input.push({ type: "custom_tool_call_output", call_id: item.call_id, output: `result of ${i}: Success` });
      }
    }
  }
  assert.deepEqual(play.calls.map((call) => call.refused).filter(Boolean), []);
  assert.equal(items.filter((item) => /call$/.test(item.type)).length, turns - 1);
  const last = play.calls.at(-1).heard.turns.flatMap((turn) => turn.parts), called = last.filter((part) => part.call).map((part) => part.call);
  assert.deepEqual(called.map((one) => [one.name, one.args]), play.scripts.slice(0, -1).map(({ parts: [, { tool }] }) => [tool.name, JSON.parse(tool.args.join(""))]));
  last.filter((part) => part.result).forEach(({ result }, i) => {
    if (called[i].id !== undefined) assert.equal(result.id, called[i].id);
    assert.match(result.text, new RegExp(`^result of ${i}\\b`));
  });
  await checkMoney(run, play.scripts, rate);
  checkPace(times, sizes);
  return { play, items, last };
}

const thoughtsOf = (parts) => parts.filter((part) => part.thinking).map((part) => part.thinking.signature);

test("Codex on Anthropic: a custom tool, its thoughts come back, 40 turns", { timeout: 120_000 }, async () => {
  const { play, last, items } = await codexSession("claude-sonnet-4-6", 40, { in: 3, cached: 0.3, out: 15 });
  assert.deepEqual(thoughtsOf(last), play.scripts.slice(0, -1).map(({ parts: [{ signature }] }) => signature));
  const { ask } = play.calls.at(-1).heard;
  assert.equal(ask.tool_choice.disable_parallel_tool_use, true);
  assert.match(ask.tools.find((tool) => tool.name === "apply_patch").description, /lark grammar:\nstart: begin body end\n/);
  assert.ok(items.some((item) => item.type === "reasoning" && item.summary[0].text === "Step 0, carefully."));
});

test("Codex on OpenAI's chat, as Mistral speaks it: 40 turns", { timeout: 120_000 }, async () => {
  // It says less to a model that it does not know: nothing of verbosity.
  const { play } = await codexSession("mistral/mistral-medium-latest", 40, { in: 1.5, cached: 1.5, out: 7.5 }, { text: undefined, reasoning: { effort: "high" } });
  assert.equal(play.calls.at(-1).heard.ask.parallel_tool_calls, false);
});

test("Codex on Gemini: signatures of its calls come back, 40 turns", { timeout: 120_000 }, async () => {
  const { play, last } = await codexSession("gemini-2.5-pro", 40, { in: 1.25, cached: 0.125, out: 10 });
  assert.deepEqual(last.filter((part) => part.call).map((part) => part.call.signature), play.scripts.slice(0, -1).map(({ parts: [, { tool }] }) => tool.signature));
});

/* ---- Gemini CLI ---- */

const geminiBody = (contents) => ({
  contents, systemInstruction: { role: "user", parts: [{ text: "You are a coding agent of a third test." }] },
  tools: [{ functionDeclarations: names.slice(0, 8).map((name) => ({ name, description: `${name} does what it says.`, parametersJsonSchema: schemaOf(name) })) }],
  generationConfig: { temperature: 1, topP: 0.95, topK: 64, thinkingConfig: { includeThoughts: true, thinkingBudget: 8192 } },
});

/** The chunks' parts, texts of one kind in a row joined, as the CLI keeps them. */
function geminiTurn(events) {
  const parts = [];
  for (const part of events.flatMap((event) => event.candidates?.[0]?.content?.parts ?? [])) {
    const before = parts.at(-1);
    if (part.text !== undefined && before?.text !== undefined && !before.thoughtSignature && before.thought === part.thought) {
      before.text += part.text;
      if (part.thoughtSignature) before.thoughtSignature = part.thoughtSignature;
    } else parts.push({ ...part });
  }
  return parts;
}

async function geminiSession(model, turns, rate) {
  const all = scripts(turns).map((script) => ({ ...script, parts: script.parts.map((part) => (part.tool ? { tool: { ...part.tool, name: names[names.indexOf(part.tool.name) % 8] } } : part)) }));
  const play = market.play(...all), run = newRun(), times = [], sizes = [];
  const contents = [{ role: "user", parts: [{ text: `Mend it. #m${play.id}#` }] }];
  for (let i = 0; i < turns; i++) {
    const { events, took, size } = await send(`/v1beta/models/${model}:streamGenerateContent?alt=sse`, geminiBody(contents), { "x-goog-api-key": key, "x-agent-run-id": run });
    times.push(took);
    sizes.push(size);
    assert.equal(events.at(-1).candidates[0].finishReason, "STOP");
    assert.equal(events.at(-1).usageMetadata.promptTokenCount, all[i].usage.input);
    // Its history keeps no thoughts, only what must come back: signatures on calls and texts.
    const parts = geminiTurn(events).filter((part) => !part.thought);
    contents.push({ role: "model", parts });
    const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
    if (i < turns - 1)
      contents.push({ role: "user", parts: calls.map(({ id, name, args }) => ({ functionResponse: { ...(id ? { id } : {}), name, response: i % 5 === 2 ? { error: `result of ${args.path.slice(0, -2)} failed` } : { output: `result of ${args.path.slice(0, -2)}` } } })) });
  }
  checkHeard(play, turns);
  await checkMoney(run, play.scripts, rate);
  checkPace(times, sizes);
  return play;
}

test("Gemini CLI on OpenAI's chat: 40 turns", { timeout: 120_000 }, async () => {
  const { ask } = (await geminiSession("gpt-5.1", 40, { in: 1.25, cached: 0.125, out: 10 })).calls.at(-1).heard;
  assert.equal(ask.reasoning_effort, "high");
  assert.equal(ask.top_p, undefined);
});

test("Gemini CLI on OpenAI's responses: 40 turns", { timeout: 120_000 }, async () => {
  await geminiSession("gpt-5.1-codex", 40, { in: 1.25, cached: 0.125, out: 10 });
});

test("Gemini CLI on Anthropic: 40 turns", { timeout: 120_000 }, async () => {
  const play = await geminiSession("claude-haiku-4-5", 40, { in: 1, cached: 0.1, out: 5 });
  assert.ok(play.calls.every((call) => call.heard.ask.top_k === undefined));
});

/* ---- what the gate keeps itself ---- */

test("one call at a time: what a model calls beyond it is left out where the vendor cannot be told, whole and streamed", async () => {
  const tools = ["Read", "Write"].map((name, k) => ({ tool: { id: `c${k}`, name, args: [`{"path":"${k}"}`] } }));
  const script = { parts: [{ text: ["Both."] }, ...tools], finish: "tools", usage: { input: 10, output: 20 } };
  for (const stream of [false, true]) {
    const play = market.play(script), input = [{ role: "user", content: `Both. #m${play.id}#` }];
    const asked = { model: "gemini-2.5-pro", input, stream, parallel_tool_calls: false, tools: names.slice(0, 2).map((name) => ({ type: "function", name, parameters: schemaOf(name), strict: false })) };
    const { events, adapted } = await send("/v1/responses", asked, codexHeaders());
    const { output } = stream ? codexItems(events).response : events[0];
    assert.deepEqual(output.map((item) => item.type), ["message", "function_call"], `stream: ${stream}`);
    assert.match(adapted, /parallel_tool_calls/);
    const both = await send("/v1/responses", { ...asked, parallel_tool_calls: true }, codexHeaders());
    assert.equal((stream ? codexItems(both.events).response : both.events[0]).output.length, 3);
  }
});

/* ---- what must refuse ---- */

test("what is no hint refuses, by name, and can be allowed", async () => {
  const play = market.play({ parts: [{ text: ["Yes."] }], finish: "stop", usage: { input: 10, output: 2 } });
  const ask = (target, body, headers) => fetch(gate.url + target, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const messages = [{ role: "user", content: `#m${play.id}#` }];
  const searching = { ...claudeBody("gpt-5.1-codex", messages, 0, {}), tools: [{ type: "web_search_20250305", name: "web_search", max_uses: 8 }] };
  const refused = await ask("/v1/messages", searching, claudeHeaders());
  assert.equal(refused.status, 400);
  assert.match((await refused.json()).error.message, /tools\[0\]\.max_uses/);
  const offline = codexBody("claude-sonnet-4-6", [{ role: "user", content: `#m${play.id}#` }], { tools: [...codexTools, { type: "web_search", external_web_access: false }] });
  const also = await ask("/v1/responses", offline, codexHeaders());
  assert.equal(also.status, 400);
  assert.match((await also.json()).error.message, /tools\[4\]\.external_web_access/);
  const clearing = claudeBody("gpt-5.1", messages, 0, { context_management: { edits: [{ type: "clear_tool_uses_20250919" }] } });
  assert.match((await (await ask("/v1/messages", clearing, claudeHeaders())).json()).error.message, /context_management/);
  assert.equal(play.calls.length, 0, "nothing was forwarded");
  assert.equal((await ask("/v1/messages", clearing, { ...claudeHeaders(), "x-tollgate-drop-params": "context_management" })).status, 200);
});
