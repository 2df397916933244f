// SPDX-License-Identifier: Apache-2.0
// Certificates for one test run, by the openssl command.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const openssl = (cwd, ...args) => execFileSync("openssl", args, { cwd, stdio: ["ignore", "pipe", "pipe"] });

/** A certificate authority in `dir`: { file, issue(name, subjects) }. */
export function makeAuthority(dir, name = "authority") {
  openssl(dir, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", `/CN=${name}`,
    "-keyout", `${name}.key`, "-out", `${name}.pem`, "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign");
  return {
    file: path.join(dir, `${name}.pem`),
    /** `subjects`: "DNS:a,IP:127.0.0.1". */
    issue(leaf, subjects) {
      openssl(dir, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", `/CN=${leaf}`, "-keyout", `${leaf}.key`, "-out", `${leaf}.csr`);
      fs.writeFileSync(path.join(dir, `${leaf}.ext`), `subjectAltName=${subjects}\n`);
      openssl(dir, "x509", "-req", "-in", `${leaf}.csr`, "-CA", `${name}.pem`, "-CAkey", `${name}.key`, "-CAcreateserial", "-days", "2", "-extfile", `${leaf}.ext`, "-out", `${leaf}.pem`);
      const at = (end) => path.join(dir, `${leaf}.${end}`);
      return { certFile: at("pem"), keyFile: at("key"), cert: fs.readFileSync(at("pem")), key: fs.readFileSync(at("key")) };
    },
  };
}
