// SPDX-License-Identifier: Apache-2.0
// `tollgate serve --sandbox` on free ports.
import fs from "node:fs";
import path from "node:path";

import { binary, cleanEnv, tempDir } from "./gate.js";
import { atEnd, start, until } from "./process.js";

export const sandboxKey = "tg_demo_0000000000000000000000";

/** `walk`: with the walk-through on standard output. */
export async function startSandbox({ walk = false } = {}) {
  const dir = tempDir("sandbox");
  const running = start(binary, ["serve", "--sandbox", "--data", path.join(dir, "data"), ...(walk ? [] : ["--no-walk"])], {
    cwd: dir,
    env: cleanEnv({ TOLLGATE_LISTEN: "127.0.0.1:0", TOLLGATE_ADMIN_LISTEN: "127.0.0.1:0" }),
  });
  atEnd(() => running.child.kill("SIGKILL"));
  let over;
  running.exit.then((how) => (over = how));
  const [, data, adminAddress] = await until(() => {
    if (over) throw new Error(`the sandbox ended: ${running.err()}`);
    return running.out().match(/^ready data=(\S+) admin=(\S+)$/m);
  }, "the sandbox");
  return {
    running, data, adminAddress, dir,
    url: `http://${data}`,
    dataDir: path.join(dir, "data"),
    token: fs.readFileSync(path.join(dir, "data/admin.token"), "utf8").trim(),
    async stop() {
      running.child.kill("SIGTERM");
      return running.exit;
    },
  };
}
