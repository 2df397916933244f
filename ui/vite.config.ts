// SPDX-License-Identifier: Apache-2.0
// One page, one script, one sheet, their names hashed; beside each file its gzip form, which the gate serves as it is.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { defineConfig, type Plugin } from "vite";

const out = process.env.UI_OUT ?? "dist";

function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      for (const name of readdirSync(out, { recursive: true, encoding: "utf8" })) {
        if (!/\.(html|js|css|svg)$/.test(name)) continue;
        const file = join(out, name);
        const packed = gzipSync(readFileSync(file), { level: 9 });
        writeFileSync(`${file}.gz`, packed);
      }
    },
  };
}

// `npm run dev`: the page from here, the API from a gate that runs.
const gate = process.env.TOLLGATE_ADMIN ?? "http://127.0.0.1:8081";

export default defineConfig({
  base: "./", // works below any path of a proxy
  plugins: [compressed()],
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: { outDir: out, emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: "es2022", reportCompressedSize: false },
  server: { proxy: { "/api": gate } },
});
