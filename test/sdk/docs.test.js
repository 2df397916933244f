// SPDX-License-Identifier: Apache-2.0
// Docs cannot lie: configurations are read by the binary, JSON is parsed, shell blocks marked `<!-- run -->` or `<!-- run: sandbox -->`
// are run against a sandbox of their own.
import fs from "node:fs";
import path from "node:path";

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
    found.push({ file, line: from, language: fence[1], text: `${lines.slice(from, i).join("\n")}\n`, marked: /<!-- run(: sandbox)? -->/.test(before) });
  }
  return found;
}

const files = [
  ...["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"].filter((name) => fs.existsSync(path.join(root, name))),
  ...fs.readdirSync(path.join(root, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
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

describe("commands", () => {
  const commands = all.filter((block) => block.language === "sh" && block.marked);
  // The sandbox's page is made of commands: those that call it are run, marked or not.
  const sandbox = all.filter((block) => block.file === "docs/sandbox.md" && block.text.includes("curl ") && !block.marked);
  for (const block of [...commands, ...sandbox]) {
    test(at(block), { timeout: 60_000 }, async () => {
      const box = await startSandbox();
      const text = block.text.replaceAll("127.0.0.1:8080", box.data).replaceAll("127.0.0.1:8081", box.adminAddress).replaceAll("build/tollgate", binary)
        .replaceAll("curl ", "curl --silent --show-error --fail-with-body ");
      const { code, out, err } = await run("bash", ["-euo", "pipefail", "-c", text], {
        env: cleanEnv({ TOLLGATE_ADMIN: `http://${box.adminAddress}`, TOLLGATE_ADMIN_TOKEN: box.token, ADMIN: `http://${box.adminAddress}`, TOKEN: box.token }),
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

describe("links", () => {
  for (const file of files) {
    test(file, () => {
      const text = fs.readFileSync(path.join(root, file), "utf8");
      for (const [, target] of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)) {
        assert.ok(fs.existsSync(path.join(root, path.dirname(file), target)), `${file} links to ${target}, which does not exist`);
      }
    });
  }
});

describe("the command line's page", () => {
  test("every verb it names has a help, and every verb of the help is named", async () => {
    const page = fs.readFileSync(path.join(root, "docs/cli.md"), "utf8");
    const { out } = await run(binary, ["help"], { env: cleanEnv() });
    const verbs = [...out.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map((match) => match[1]);
    assert.ok(verbs.length > 8, out);
    for (const verb of verbs) {
      assert.ok(page.includes(`tollgate ${verb}`), `${verb} is not on the page`);
      assert.equal((await run(binary, ["help", verb], { env: cleanEnv() })).code, 0, verb);
    }
    for (const [, verb] of page.matchAll(/^tollgate ([a-z]+)/gm)) {
      assert.equal((await run(binary, ["help", verb], { env: cleanEnv() })).code, 0, `the page names ${verb}`);
    }
  });
});
