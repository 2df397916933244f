// SPDX-License-Identifier: Apache-2.0
// Who are you? An admin token, or the one-time code that the first start prints (its link brings it along).
import { useState } from "preact/hooks";

import { Form, TextField } from "../components/form";
import { Icon } from "../components/icon";
import { enterWith, loginTrouble } from "../session";
import { useCell } from "../store";

const isToken = (text: string): boolean => text.startsWith("tga_") || text.length > 40;

export function Login() {
  const [secret, setSecret] = useState("");
  const trouble = useCell(loginTrouble);
  const submit = async () => {
    const text = secret.trim();
    try {
      await enterWith(isToken(text) ? { token: text } : { code: text });
    } catch (error) {
      if (isToken(text)) throw error;
      await enterWith({ token: text }); // a token of the configuration has no form of its own
    }
  };
  return (
    <main class="login">
      <span class="brand"><Icon name="mark" /> Tollgate</span>
      <section class="panel">
        <Form onSubmit={submit} verb="Sign in" disabled={!secret.trim()}>
          <h1>Sign in</h1>
          {trouble && <p class="trouble" role="alert">{trouble}</p>}
          <TextField name="token" label="Admin token or one-time code" type="password" value={secret} onInput={setSecret} autoFocus autoComplete="current-password"
            hint={<>The first start of the gate prints a one-time code. Tokens are made with <code>tollgate token create</code>.</>} />
        </Form>
      </section>
    </main>
  );
}
