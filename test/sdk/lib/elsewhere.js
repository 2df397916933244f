// SPDX-License-Identifier: Apache-2.0
// For SDKs whose address cannot be set: what they send to a vendor's https host goes to the gate instead, as a proxy or a name
// server of the operator's would have it. Only in this process.
import http from "node:http";
import https from "node:https";

/** `hosts`: { "api-m.paypal.com": "http://127.0.0.1:8080/paypal" }. */
export function ledElsewhere(hosts) {
  const request = https.request;
  https.request = (first, second, third) => {
    const url = typeof first === "string" || first instanceof URL ? new URL(first) : null;
    const options = url ? { hostname: url.hostname, path: url.pathname + url.search, ...(typeof second === "object" ? second : {}) } : first;
    const done = [second, third].find((one) => typeof one === "function");
    const target = hosts[options.hostname ?? options.host];
    if (!target) return request(first, second, third);
    const to = new URL(target);
    const { agent, agents, protocol, host, servername, ...rest } = options;
    const headers = { ...rest.headers, host: to.host };
    delete headers.Host;
    return http.request({ ...rest, headers, hostname: to.hostname, port: to.port, path: to.pathname.replace(/\/$/, "") + options.path }, done);
  };
}
