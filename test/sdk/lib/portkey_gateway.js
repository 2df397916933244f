// SPDX-License-Identifier: Apache-2.0
// Portkey's own gateway (npm: @portkey-ai/gateway) beside ours: on loopback, without its console.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { accepts, freePort, start, until } from "./process.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const folder = path.resolve(here, "../node_modules/@portkey-ai/gateway");
const versionOf = (dir) => JSON.parse(fs.readFileSync(path.join(dir, "package.json"), "utf8")).version;

/** What is compared with, for the page. */
export const versions = () => ({ gateway: versionOf(folder), server: versionOf(path.join(folder, "node_modules/@hono/node-server")) });

export async function startPortkey() {
  const port = await freePort();
  const args = ["--require", path.join(here, "loopback.cjs"), path.join(folder, "build/start-server.js"), "--headless", `--port=${port}`];
  const running = start(process.execPath, args, { env: { PATH: process.env.PATH, HOME: process.env.HOME ?? "/tmp", NODE_ENV: "production" } });
  let over;
  running.exit.then((how) => (over = how));
  await until(async () => {
    if (over) throw new Error(`Portkey's gateway ended: ${running.err()}${running.out()}`);
    return accepts(port);
  }, "Portkey's gateway", { timeout: 60_000, every: 100 });
  return { url: `http://127.0.0.1:${port}`, port };
}
