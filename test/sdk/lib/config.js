// SPDX-License-Identifier: Apache-2.0
// Configurations that tests start from. Secrets are told apart from keys at sight: a secret must never come back, a key never go up.
export const secrets = {
  stripe: "sk_test_upstream_secret_0001",
  twilio: "twilio_test_auth_token",
  resend: "re_test_upstream_0001",
  openai: "sk-upstream-openai-0001",
  anthropic: "sk-ant-upstream-0001",
};

export const twilioSid = "AC" + "0".repeat(32);

/** A policy that allows all, and a key on it with `credentials`. */
export function key(name, credentials, more = {}) {
  return { name, token: `key-of-${name}-0123456789`, credentials, policy: "all", ...more };
}

export const tokenOf = (name) => `key-of-${name}-0123456789`;

/** `upstreams`: { stripe: url, ... }; a vendor without one cannot be reached. */
export function config(upstreams, { keys, policies = {}, vendors = {}, credentials = {}, ...more }) {
  const built = { vendors: {}, credentials: {}, policies: { all: { allow: ["*"] }, ...policies }, keys, ...more };
  for (const [vendor, base_url] of Object.entries(upstreams)) {
    built.vendors[vendor] = { base_url, ...vendors[vendor] };
    built.credentials[`${vendor}-main`] = {
      vendor,
      secret: secrets[vendor],
      ...(vendor === "twilio" ? { account_sid: twilioSid } : {}),
      ...credentials[`${vendor}-main`],
    };
  }
  return built;
}
