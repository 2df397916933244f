// SPDX-License-Identifier: Apache-2.0
// The command line at a terminal: completion in real shells, the manual under real formatters, --watch and progress on a pseudo terminal.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { before } from "node:test";

import { config, key } from "./lib/config.js";
import { adminToken, binary, cleanEnv, startGate, tempDir } from "./lib/gate.js";
import { startStripe } from "./lib/mocks.js";
import { run, start, until } from "./lib/process.js";
import { assert, describe, test } from "./lib/test.js";

const dir = tempDir("shell");
let gate, env;

before(async () => {
  const stripe = await startStripe();
  gate = await startGate(config({ stripe: stripe.url }, { keys: [key("agent-one", ["stripe-main"]), key("agent-two", ["stripe-main"]), key("other", ["stripe-main"])] }));
  fs.symlinkSync(binary, path.join(dir, "tollgate"));
  fs.writeFileSync(path.join(dir, "policy one.yaml"), "");
  env = cleanEnv({ TOLLGATE_ADMIN: `http://${gate.adminAddress}`, TOLLGATE_ADMIN_TOKEN: adminToken, TERM: "xterm" });
  env.PATH = `${dir}:${env.PATH}`;
});

/** What the binary offers for a command line whose last word is under the cursor. */
const offers = async (...words) => {
  const { code, out, err } = await run(binary, ["complete", ...words], { env });
  assert.equal(code, 0);
  assert.equal(err, "", "a prompt is no place for complaints");
  return out.trimEnd().split("\n").filter(Boolean).map((line) => line.split("\t")[0]);
};

describe("completion", () => {
  test("verbs, actions, options, names of the gate", async () => {
    assert.deepEqual(await offers("aud"), ["audit"]);
    assert.ok((await offers("")).includes("serve"));
    assert.deepEqual(await offers("key", "r"), ["revoke", "rotate", "retire"]);
    assert.deepEqual((await offers("key", "show", "agent")).sort(), ["agent-one", "agent-two"]);
    assert.deepEqual(await offers("stop", "--key", "oth"), ["other"]);
    assert.deepEqual(await offers("key", "create", "--credential", ""), ["stripe-main"]);
    assert.deepEqual(await offers("calls", "--verd"), ["--verdict"]);
    assert.deepEqual(await offers("calls", "--verdict", "a"), ["allowed"]);
    assert.deepEqual(await offers("calls", "--key", "agent-one", "--verdict", "d"), ["denied"]);
    assert.deepEqual(await offers("policy", "apply", "x", ""), [":files"]);
    assert.deepEqual(await offers("serve", "--"), ["--config", "--data", "--sandbox", "--no-walk", "--check"]);
    assert.deepEqual(await offers("nonsense", "x"), []);
    assert.deepEqual(await offers("help", "heal"), ["health"]);
  });

  test("a gate that is not there costs no time and no words", async () => {
    const begun = Date.now();
    const { code, out, err } = await run(binary, ["complete", "key", "show", ""], { env: { ...env, TOLLGATE_ADMIN: "http://127.0.0.1:1" } });
    assert.deepEqual([code, out, err], [0, "", ""]);
    assert.ok(Date.now() - begun < 3000);
  });

  test("bash: the function as bash calls it", async () => {
    const ask = async (line, words) => {
      const script = `source <(tollgate completion bash); COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _tollgate; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p tollgate`;
      const { code, out, err } = await run("bash", ["--norc", "-c", script], { env, cwd: dir });
      assert.equal(code, 0, err);
      return out.trimEnd().split("\n");
    };
    assert.deepEqual(await ask("key show", "tollgate key show agent-t"), ["agent-two", "complete -F _tollgate tollgate"]);
    assert.deepEqual(await ask("--key=", "tollgate stop --key = oth"), ["other", "complete -F _tollgate tollgate"]);
    assert.deepEqual(await ask("files", 'tollgate policy apply x "policy o"'), ["policy one.yaml", "complete -F _tollgate tollgate"]);
  });

  test("fish: as fish completes", async () => {
    const { code, out, err } = await run("fish", ["--no-config", "-c", "tollgate completion fish | source; complete -C 'tollgate key sh'; complete -C 'tollgate key show agent-t'"], { env, cwd: dir });
    assert.equal(code, 0, err);
    assert.match(out, /^show$/m);
    assert.match(out, /^agent-two\t/m);
  });

  test("zsh: the function as zsh calls it", async () => {
    const script = `autoload -Uz compinit; compdef() { }; _describe() { eval "print -l \\"\\$\${@[-1]}[@]\\""; }; _files() { print files; }
      source <(tollgate completion zsh)
      words=(tollgate key show agent-t); CURRENT=4; _tollgate; words=(tollgate policy apply x ''); CURRENT=5; _tollgate; true`;
    const { code, out, err } = await run("zsh", ["-f", "-c", script], { env, cwd: dir });
    assert.equal(code, 0, err);
    assert.deepEqual(out.trimEnd().split("\n"), ["agent-two:all", "files"]);
  });

  test("another shell is named as such", async () => {
    const { code, err } = await run(binary, ["completion", "tcsh"], { env });
    assert.equal(code, 2);
    assert.match(err, /found "tcsh"; allowed: bash, zsh, fish/);
  });
});

describe("the manual", () => {
  test("every page is clean under mandoc and groff, and every verb has one", async () => {
    const pages = path.join(dir, "man");
    assert.equal((await run(binary, ["man", "--out", pages], { env })).code, 0);
    const files = fs.readdirSync(pages).map((name) => path.join(pages, name));
    const verbs = [...(await run(binary, ["help"], { env })).out.matchAll(/^  ([a-z]+) {2,}\S/gm)].map((m) => m[1]);
    assert.ok(verbs.length > 25);
    for (const verb of verbs) assert.ok(fs.existsSync(path.join(pages, `tollgate-${verb}.1`)), verb);
    const lint = await run("mandoc", ["-Tlint", "-Wwarning", ...files], { env });
    assert.equal(lint.out + lint.err, "");
    for (const file of files) {
      const { code, err } = await run("groff", ["-ww", "-mdoc", "-Tutf8", file], { env });
      assert.deepEqual([code, err], [0, ""], file);
    }
  });

  test("it says what the help says", async () => {
    const page = (await run("sh", ["-c", "tollgate man key | mandoc -Tutf8 | col -b"], { env })).out;
    for (const word of ["tollgate key show|revoke|rotate|delete KEY", "--overlap", "TOLLGATE_ADMIN_TOKEN", "EXIT STATUS"]) assert.ok(page.includes(word), `${word}: ${page}`);
    assert.equal((await run(binary, ["man", "nonsense"], { env })).code, 2);
  });
});

/** Runs a command line on a pseudo terminal of 30 lines and 100 columns. */
const onTerminal = (line) => start("script", ["-qefc", `stty rows 30 cols 100; ${line}`, "/dev/null"], { env, cwd: dir, stdio: ["pipe", "pipe", "pipe"] });

describe("--watch", () => {
  test("on a terminal each look takes the place of the one before", async () => {
    const watching = onTerminal("tollgate key list --watch --every 200ms");
    await until(() => watching.out().split("\x1b[H\x1b[2J").length > 3, "three looks");
    await gate.post("/keys", { name: "made-meanwhile", policy: "all", credentials: ["stripe-main"] });
    await until(() => watching.out().includes("made-meanwhile"), "what changed");
    assert.ok(watching.out().includes("\x1b[2mtollgate key list"), "a heading, dim");
    watching.child.kill("SIGTERM");
    await watching.exit;
  });

  test("in a pipe they follow one another; a gate that went away is waited for", async () => {
    const watching = start(binary, ["stops", "--watch", "--every", "100ms"], { env });
    await until(() => watching.out().split("nothing is stopped").length > 2, "two looks");
    assert.ok(!watching.out().includes("\x1b["));
    watching.child.kill("SIGTERM");
    await watching.exit;
  });

  test("what changes something is done once", async () => {
    for (const args of [["stop", "--all", "--watch"], ["key", "revoke", "agent-one", "--watch"], ["cache", "purge", "--all", "--watch"], ["health", "reset", "x", "--watch"]]) {
      const { code, err } = await run(binary, args, { env });
      assert.equal(code, 2, args.join(" "));
      assert.match(err, /--watch/);
    }
    assert.equal((await gate.get("/stops")).data.length, 0);
    assert.match((await run(binary, ["calls", "--watch", "--every", "1ms"], { env })).err, /--every: found "1ms"; allowed: 100ms to 1h/);
    assert.match((await run(binary, ["calls", "--every", "1s"], { env })).err, /--every goes with --watch only/);
  });
});

test("progress stands on a terminal only", async () => {
  const shown = onTerminal(`tollgate audit verify --data ${gate.dataDir}`);
  assert.equal((await shown.exit).code, 0);
  assert.match(shown.out(), /\[#+\.*\] \d+% of \d+ rows/);
  assert.match(shown.out(), /\r\x1b\[K/, "wiped at the end");
  const piped = await run(binary, ["audit", "verify", "--data", gate.dataDir], { env });
  assert.equal(piped.err, "");
});

describe("tail", () => {
  const charge = (name, amount = 100) =>
    fetch(`${gate.url}/stripe/v1/charges`, { method: "POST", headers: { authorization: `Bearer key-of-${name}-0123456789`, "content-type": "application/x-www-form-urlencoded" }, body: `amount=${amount}&currency=usd&source=tok_visa` });

  test("filters, the newest before, JSON", async () => {
    await charge("agent-one");
    await until(async () => (await gate.get("/calls")).data.length > 0, "the row");
    const all = start(binary, ["tail", "--json", "--last", "5"], { env });
    const refused = start(binary, ["tail", "--denied"], { env });
    await until(() => all.out().includes("agent-one"), "the one before");
    await until(async () => { await charge("agent-two"); return all.out().includes("agent-two"); }, "the one after", { every: 200 });
    for (const line of all.out().trimEnd().split("\n")) JSON.parse(line);
    await gate.post("/stop", { key: "other", reason: "test" });
    await until(async () => { await charge("other"); return refused.out().includes("stopped"); }, "what is refused", { every: 200 });
    assert.ok(!/agent-two|config|stop key/.test(refused.out()), `only what was refused: ${refused.out()}`);
    await gate.post("/resume", { key: "other" });
    for (const one of [all, refused]) { one.child.kill("SIGTERM"); await one.exit; }
  });

  test("a gate that goes away is waited for, and what may have been missed is said", async () => {
    let visits = 0;
    const server = http.createServer((request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`event: call\ndata: {"id":"call_${++visits}","at":"2026-11-22T07:00:00.000Z","verdict":"allowed","operation":"visit.number${visits}"}\n\n`);
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const tail = start(binary, ["tail"], { env: { ...env, TOLLGATE_ADMIN: `http://127.0.0.1:${server.address().port}` } });
    await until(() => tail.out().includes("visit.number2"), "the second stream");
    assert.match(tail.err(), /broke off.*tollgate calls --since 20\d\d-/);
    tail.child.kill("SIGTERM");
    await tail.exit;
    server.close();
  });
});
