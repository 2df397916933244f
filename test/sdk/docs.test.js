// SPDX-License-Identifier: Apache-2.0
// Docs cannot lie: configurations are read by the binary, JSON is parsed, shell blocks marked `<!-- run -->` or `<!-- run: sandbox -->`
// are run against a sandbox of their own. One that is not run says which test has it, or why none has.
import fs from "node:fs";
import path from "node:path";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import Stripe from "stripe";

import { binary, check, cleanEnv, root, tempDir } from "./lib/gate.js";
import { run } from "./lib/process.js";
import { sandboxKey, startSandbox } from "./lib/sandbox.js";
import { assert, describe, test } from "./lib/test.js";

/** All fenced blocks: { file, line, language, text, marked }. */
function blocks(file) {
  const lines = fs.readFileSync(path.join(root, file), "utf8").split("\n");
  const found = [];
  for (let i = 0; i < lines.length; i++) {
    const fence = lines[i].match(/^```(\w*)\s*$/);
    if (!fence) continue;
    const from = i + 1;
    while (++i < lines.length && !/^```\s*$/.test(lines[i]));
    const before = lines.slice(Math.max(0, from - 3), from - 1).join("\n");
    const [, mark] = before.match(/<!-- (.+) -->\n?$/) ?? [];
    found.push({ file, line: from, language: fence[1], text: `${lines.slice(from, i).join("\n")}\n`, mark, marked: /<!-- run(: sandbox)? -->/.test(before) });
  }
  return found;
}

const files = [
  ...["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"].filter((name) => fs.existsSync(path.join(root, name))),
  ...fs.readdirSync(path.join(root, "docs"), { recursive: true }).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
];
const all = files.flatMap(blocks);
const at = (block) => `${block.file}:${block.line}`;

/** A value for every variable that a configuration refers to. */
function variables(text, dir) {
  const env = {};
  for (const [, name] of text.matchAll(/\$\{([A-Z_][A-Z0-9_]*)\}/g)) env[name] = `value-of-${name.toLowerCase()}-0123456789`;
  for (const [whole, file] of text.matchAll(/\$\{file:([^}]+)\}/g)) {
    const stand = path.join(dir, path.basename(file));
    fs.writeFileSync(stand, "content-of-a-secret-file-0123456789\n");
    text = text.replaceAll(whole, `\${file:${stand}}`);
  }
  return { env, text };
}

describe("configurations", () => {
  const examples = all.filter((block) => block.language === "yaml" && /^# (example:|tollgate\.yaml)/.test(block.text));
  test("there are some", () => assert.ok(examples.length >= 5, String(examples.length)));
  for (const block of examples) {
    test(`${at(block)} ${block.text.split("\n")[0].slice(2)}`, async () => {
      const { env, text } = variables(block.text, tempDir("docs"));
      const { code, err } = await check(text, { env });
      assert.equal(code, 0, err);
    });
  }
  for (const block of all.filter((b) => b.language === "yaml" && b.text.startsWith("prices:"))) {
    test(at(block), async () => assert.equal((await check(block.text)).code, 0));
  }
});

describe("errors", () => {
  test("every code that a call can be refused with has a row", () => {
    const read = (name) => fs.readFileSync(path.join(root, name), "utf8");
    const codes = new Map([...read("src/base/err.h").matchAll(/ROW\((\w+), \d+, "(\w+)"/g)].map(([, name, code]) => [`E_${name}`, code]));
    const rows = read("docs/errors.md").split("\n").filter((line) => line.startsWith("| `")).map((line) => line.split(" | ")[0]).join(" ");
    const raised = new Set(fs.readdirSync(path.join(root, "src/flow")).filter((name) => name.endsWith(".c")).flatMap((name) => [...read(`src/flow/${name}`).matchAll(/\bE_[A-Z_]+\b/g)].map(([name]) => name)));
    const unsaid = ["E_OK", "E_CLIENT_GONE", "E_CONFLICT", "E_IO"]; // nobody is there; of the admin API
    for (const name of raised) if (!unsaid.includes(name)) assert.ok(rows.includes(`\`${codes.get(name)}\``), `${name} has no row in docs/errors.md`);
  });
});

describe("manifests", () => {
  for (const block of all.filter((b) => b.language === "yaml" && b.text.startsWith("vendor:"))) {
    test(at(block), async () => {
      const file = path.join(tempDir("docs"), "mine.yaml");
      fs.writeFileSync(file, block.text);
      const { code, err, out } = await run(binary, ["vendor", "operations", file], { env: cleanEnv() });
      assert.equal(code, 0, err);
      assert.match(out, /\w/);
    });
  }
});

describe("JSON", () => {
  for (const block of all.filter((b) => b.language === "json")) test(at(block), () => void JSON.parse(block.text));
});

/** A run that pages speak of. */
async function chargeOnce(box, id) {
  const headers = { authorization: `Bearer ${sandboxKey}`, "x-agent-run-id": id };
  const { status } = await fetch(`${box.url}/stripe/v1/charges`, { method: "POST", headers, body: new URLSearchParams({ amount: "100", currency: "usd", source: "tok_visa" }) });
  assert.equal(status, 200);
}

describe("S-59: whoever follows a page gets where it says", () => {
  const programs = all.filter((block) => ["sh", "js", "python", "console"].includes(block.language));
  test("each block of commands or code is run, or says which test has it, or why none has", () => {
    assert.ok(programs.length > 50, String(programs.length));
    const reasons = [/^run(: sandbox)?$/, /^(serve|step)\b/, /^not run: \S.{10,}/, /^tested: \S+\.test\.js$/];
    assert.deepEqual(programs.filter(({ mark }) => !reasons.some((reason) => reason.test(mark ?? ""))).map(at), []);
    for (const block of programs) {
      const [, name] = block.mark.match(/^tested: (\S+)$/) ?? [];
      if (name) assert.ok(fs.readFileSync(path.join(root, "test/sdk", name), "utf8").includes(block.file), `${at(block)}: ${name} does not read ${block.file}`);
    }
  });

  test("each verb and each option that a page shows is one", async () => {
    const help = new Map();
    let options = 0;
    for (const block of all.filter(({ language }) => ["", "sh", "console"].includes(language))) {
      const lines = block.text.replaceAll("\\\n", " ").split("\n");
      for (const line of lines) {
        const [, verb, words] = line.match(/^(?:\$ )?(?:build\/)?tollgate ([a-z][a-z-]*)(.*)$/) ?? [];
        if (!verb || verb === "help" || verb === "complete") continue; // the latter is what shells ask
        if (!help.has(verb)) help.set(verb, await run(binary, ["help", verb], { env: cleanEnv() }));
        const { code, out } = help.get(verb);
        assert.equal(code, 0, `${at(block)}: there is no verb ${verb}`);
        const said = words.split(/ {3,}|\s#|[;|]\s/)[0];
        for (const [option] of said.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)) {
          assert.match(out, new RegExp(`${option}(?![\\w-])`), `${at(block)}: ${line.trim()}`);
          options++;
        }
      }
    }
    assert.ok(help.size > 30 && options > 60, `${help.size} verbs, ${options} options`);
  });

  test("each route of the admin API that a page names is one", async () => {
    const box = await startSandbox();
    const { paths } = await (await fetch(`http://${box.adminAddress}/api/v1/openapi.json`, { headers: { authorization: `Bearer ${box.token}` } })).json();
    const known = Object.entries(paths).flatMap(([target, methods]) => Object.keys(methods).map((method) => new RegExp(`^${method.toUpperCase()} ${target.replaceAll(".", "\\.").replace("{model}", ".+").replaceAll(/\{\w+\}/g, "[^/]+")}$`)));
    const named = files.flatMap((file) => [...fs.readFileSync(path.join(root, file), "utf8").matchAll(/\b(GET|POST|PUT|PATCH|DELETE) (\/api\/v1\/[^`\s?"|)\[]*)/g)].map(([, method, target]) => ({ file, route: `${method} ${target.replace(/[.,;:]+$/, "")}` })));
    assert.ok(named.length > 60, String(named.length));
    assert.deepEqual(named.filter(({ route }) => !route.endsWith("/") && !known.some((one) => one.test(route))).map(({ file, route }) => `${file}: ${route}`), []);
  });

  test("the log's proof by hand (docs/audit.md) comes to the hash and the signature that are stored", { timeout: 60_000 }, async () => {
    const box = await startSandbox();
    await chargeOnce(box, "run_abc");
    await box.stop(); // signs where the log ends
    fs.symlinkSync(box.dataDir, path.join(box.dir, "data-of-the-page"));
    const steps = all.filter((block) => block.file === "docs/audit.md" && block.mark === "tested: docs.test.js");
    assert.equal(steps.length, 2);
    const [row, point] = await Promise.all(steps.map(({ text }) => run("bash", ["-euo", "pipefail", "-c", text.replaceAll("data/", "data-of-the-page/")], { cwd: box.dir, env: cleanEnv() })));
    assert.equal(row.code, 0, row.err);
    const [made, stored] = row.out.trim().split("\n").map((line) => line.slice(0, 64));
    assert.match(made, /^[0-9a-f]{64}$/);
    assert.equal(made, stored);
    assert.equal(point.code, 0, point.err + point.out);
    assert.match(point.out, /Verified Successfully/);
  });

  test("the README leads to every page", () => {
    const readme = fs.readFileSync(path.join(root, "README.md"), "utf8");
    assert.deepEqual(files.filter((file) => file.startsWith("docs/") && !file.startsWith("docs/vendors/") && !readme.includes(`](${file}`)), []);
  });
});

describe("commands", () => {
  const commands = all.filter((block) => block.language === "sh" && block.marked);
  // The sandbox's page is made of commands: those that call it are run, marked or not.
  const sandbox = all.filter((block) => block.file === "docs/sandbox.md" && block.text.includes("curl ") && !block.marked);
  for (const block of [...commands, ...sandbox]) {
    test(at(block), { timeout: 60_000 }, async () => {
      const box = await startSandbox();
      for (const id of ["run_abc", "run_42"]) await chargeOnce(box, id);
      const text = block.text.replaceAll("127.0.0.1:8080", box.data).replaceAll("data/sandbox", box.dataDir).replaceAll("127.0.0.1:8081", box.adminAddress).replaceAll("build/tollgate", binary)
        .replaceAll("curl ", "curl --silent --show-error --fail-with-body ");
      const { code, out, err } = await run("bash", ["-euo", "pipefail", "-c", text], {
        env: cleanEnv({ TOLLGATE_ADMIN: `http://${box.adminAddress}`, TOLLGATE_ADMIN_TOKEN: box.token, TOLLGATE_GATE: box.url, ADMIN: `http://${box.adminAddress}`, TOKEN: box.token }),
        cwd: root,
        timeout: 40_000,
      });
      assert.equal(code, 0, err + out);
    });
  }
});

describe("the README", () => {
  const readme = fs.existsSync(path.join(root, "README.md")) ? fs.readFileSync(path.join(root, "README.md"), "utf8") : "";

  test("its lines for SDKs work as they stand", async () => {
    const [block] = all.filter((b) => b.file === "README.md" && b.language === "js" && b.text.includes("new Stripe("));
    assert.ok(block, "there are such lines");
    const box = await startSandbox();
    const code = block.text.replaceAll("8080", box.data.split(":")[1]);
    const make = new Function("Stripe", "OpenAI", "process", `${code}; return { stripe, openai };`);
    const { stripe, openai } = make(Stripe, OpenAI, { env: new Proxy({}, { get: () => sandboxKey }) });
    assert.equal((await stripe.charges.create({ amount: 100, currency: "usd", source: "tok_visa" })).amount, 100);
    const answer = await openai.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hello" }] });
    assert.ok(answer.choices[0].message.content);
    const bill = await fetch(`http://${box.adminAddress}/api/v1/runs/run_42`, { headers: { authorization: `Bearer ${box.token}` } });
    const { by_vendor } = await bill.json();
    assert.deepEqual(by_vendor.map(({ vendor, calls }) => [vendor, calls]).sort(), [["openai", 1], ["stripe", 1]], "tokens and charges on one bill");
  });

  test("the operations it counts are there", async () => {
    const box = await startSandbox();
    for (const [, name, said] of readme.matchAll(/\*\*(Stripe|Twilio|Resend)\*\* \(([\d,]+)/g)) {
      const vendor = name.toLowerCase();
      const { code, out, err } = await run(binary, ["vendor", "operations", vendor, "--admin", `http://${box.adminAddress}`, "--token", box.token], { env: cleanEnv() });
      assert.equal(code, 0, err);
      const count = out.split("\n").filter((line) => line.startsWith(`${vendor}.`)).length;
      assert.equal(count, Number(said.replaceAll(",", "")), `${name}; the list begins ${out.slice(0, 300)}`);
    }
  });
});

describe("the page of clients and models", () => {
  const page = all.filter((block) => block.file === "docs/models.md");
  const AsyncFunction = (async () => {}).constructor;

  /** `import A, { b } from "c"` as a function body can say it. */
  const imported = (code) => code.replace(/^import (.+) from ("[^"]+");$/gm, (whole, names, from) =>
    names.startsWith("{") ? `const ${names} = await load(${from});` : `const { default: ${names} } = await load(${from});`);

  for (const block of page.filter((b) => b.language === "js")) {
    test(`${at(block)} runs as it stands`, { timeout: 60_000 }, async () => {
      const box = await startSandbox();
      await new AsyncFunction("load", imported(block.text.replaceAll("127.0.0.1:8080", box.data)))((name) => import(name));
      const { data } = await (await fetch(`http://${box.adminAddress}/api/v1/calls?limit=50`, { headers: { authorization: `Bearer ${box.token}` } })).json();
      assert.ok(data.length >= 1);
      for (const row of data) assert.equal(row.verdict, "allowed", JSON.stringify(row));
    });
  }

  test("Claude Code's variables are those of its SDK, and reach a model of another vendor", async () => {
    const [block] = page.filter((b) => b.language === "sh" && b.text.includes("ANTHROPIC_BASE_URL"));
    const box = await startSandbox();
    const said = Object.fromEntries([...block.text.replaceAll("127.0.0.1:8080", box.data).matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]));
    const client = new Anthropic({ baseURL: said.ANTHROPIC_BASE_URL, authToken: said.ANTHROPIC_AUTH_TOKEN, apiKey: null });
    const ask = { model: said.ANTHROPIC_MODEL, max_tokens: 100, messages: [{ role: "user", content: "hello" }] };
    const { data, response } = await client.messages.create(ask).withResponse();
    assert.ok(data.content[0].text);
    assert.equal(response.headers.get("x-tollgate-vendor"), "openai");
    assert.ok((await client.messages.stream(ask).finalMessage()).content[0].text);
    assert.ok((await client.messages.countTokens({ model: ask.model, messages: ask.messages })).input_tokens > 0);
  });

  test("Codex's entry names a base URL at which responses are streamed", async () => {
    const [block] = page.filter((b) => b.language === "toml");
    const box = await startSandbox();
    const value = (name) => block.text.replaceAll("127.0.0.1:8080", box.data).match(new RegExp(`^${name} = "(.+)"$`, "m"))[1];
    assert.equal(value("wire_api"), "responses");
    const client = new OpenAI({ apiKey: sandboxKey, baseURL: value("base_url") });
    let done;
    for await (const event of await client.responses.create({ model: value("model"), input: "hello", stream: true, store: false })) if (event.type === "response.completed") done = event.response;
    assert.ok(done.output_text ?? done.output.at(-1).content[0].text);
  });
});

describe("links", () => {
  /** The anchors of a page's headings, as forges make them. */
  const anchors = (file) => [...fs.readFileSync(file, "utf8").replaceAll(/^```.*?^```/gms, "").matchAll(/^#+ (.+)$/gm)]
    .map(([, heading]) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-"));
  const pages = (dir) => fs.readdirSync(path.join(root, dir)).filter((name) => name.endsWith(".md")).map((name) => path.join(dir, name));

  for (const file of new Set([...files, ...[".", "ui", "catalog", ...fs.readdirSync(path.join(root, "contrib")).map((name) => `contrib/${name}`)].flatMap(pages)])) {
    test(file, () => {
      const text = fs.readFileSync(path.join(root, file), "utf8").replaceAll(/^```.*?^```/gms, "");
      for (const [, target, anchor] of text.matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)#?([^)\s]*)\)/g)) {
        const there = target ? path.join(root, path.dirname(file), target) : path.join(root, file);
        assert.ok(fs.existsSync(there), `${file} links to ${target}, which does not exist`);
        if (anchor) assert.ok(anchors(there).includes(anchor), `${file} links to ${target}#${anchor}, which does not exist`);
      }
    });
  }
});

describe("pages about the source", () => {
  const text = (file) => fs.readFileSync(path.join(root, file), "utf8");
  const architecture = text("ARCHITECTURE.md");

  test("ARCHITECTURE.md names every folder, in the order that script/layers checks", () => {
    const listed = [...architecture.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    const folders = fs.readdirSync(path.join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
    assert.deepEqual(folders.filter((name) => !listed.includes(name)), []);
    const order = [...text("script/layers").match(/LEVELS = (\[.*\])/)[1].matchAll(/"([^"]+)"/g)].map(([, names]) => (names.includes(" ") ? `{ ${names} }` : names)).join(" ← ");
    assert.ok(architecture.includes(`\`${order}\``), order);
    const top = fs.readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !["build", "src"].includes(entry.name) && !entry.name.startsWith("."));
    assert.deepEqual(top.filter(({ name }) => !architecture.includes(`\`${name}/\``)).map(({ name }) => name), []);
  });

  test("ARCHITECTURE.md names the steps of a call as they follow one another", () => {
    const said = architecture.replaceAll("**", "").replaceAll(/\s+/g, " ");
    const lists = [...text("src/flow/pipeline.c").matchAll(/^static const struct step (\w+)\[\] = \{\n(.*?)^\};/gms)];
    assert.ok(lists.length >= 9);
    for (const [, name, rows] of lists.filter(([, list]) => list !== "aiming")) {
      const steps = [...rows.matchAll(/^ {4}\{ "(\w+)"/gm)].map(([, step]) => step).join(" → ");
      assert.ok(said.includes(steps), `${name}: ${steps}`);
    }
  });

  test("docs/data.md has every table and every column of the database", () => {
    const page = text("docs/data.md").split("\n").filter((line) => line.startsWith("| `"));
    const schema = text("src/store/schema.c").replaceAll(/"\s*\n\s*"/g, "");
    const made = [...schema.matchAll(/CREATE TABLE (\w+)\(((?:[^()]|\([^()]*\))*)\)/g)];
    const gone = new Set(["json", "resets_at"]); // of texts that later ones replaced
    assert.ok(made.length > 20, String(made.length));
    for (const [, table, columns] of made) {
      const line = page.find((one) => one.split("|")[1].includes(`\`${table}\``));
      assert.ok(line, table);
      for (const name of columns.replaceAll(/\([^()]*\)/g, "").split(",").map((column) => column.trim().split(" ")[0]).filter((name) => name !== "PRIMARY" && !gone.has(name))) assert.ok(line.includes(`\`${name}\``), `${table}.${name}`);
    }
  });
});

describe("the command line's page", () => {
  test("every verb it names has a help, and every verb of the help is named", async () => {
    const page = fs.readFileSync(path.join(root, "docs/cli.md"), "utf8");
    const { out } = await run(binary, ["help"], { env: cleanEnv() });
    const verbs = [...out.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map((match) => match[1]);
    assert.ok(verbs.length > 8, out);
    for (const verb of verbs) {
      assert.ok(page.includes(`tollgate ${verb}`), `${verb} is not on the page`);
      assert.equal((await run(binary, ["help", verb], { env: cleanEnv() })).code, 0, verb);
    }
    for (const [, verb] of page.matchAll(/^tollgate ([a-z-]+)/gm)) {
      assert.equal((await run(binary, ["help", verb], { env: cleanEnv() })).code, 0, `the page names ${verb}`);
    }
  });
});
