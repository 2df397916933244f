// SPDX-License-Identifier: Apache-2.0
// Who is here. null: nobody; undefined: not known yet.
import { currentSession, login, logout, onSessionLost, type Area, type Session } from "./api";
import { startLive, stopLive } from "./live";
import { cell } from "./store";

export const session = cell<Session | null | undefined>(undefined);

function enter(found: Session): void {
  session.set(found);
  startLive();
}

function leave(): void {
  stopLive();
  session.set(null);
}

/** A one-time code in the address (#login=CODE, as the first start prints it) is used at once and leaves the address. */
function codeOfAddress(): string | null {
  const code = /^#login=(.+)$/.exec(location.hash)?.[1];
  if (code) history.replaceState(null, "", "#/");
  return code ?? null;
}

/** Why the code of the address was not taken; shown by the login page. */
export const loginTrouble = cell<string | null>(null);

export async function begin(): Promise<void> {
  onSessionLost(leave);
  const code = codeOfAddress();
  try {
    enter(code ? await login({ code }) : await currentSession());
  } catch (error) {
    if (code) loginTrouble.set(error instanceof Error ? error.message : String(error));
    leave();
  }
}

export const enterWith = async (secret: { token: string } | { code: string }): Promise<void> => enter(await login(secret));

export async function signOut(): Promise<void> {
  try {
    await logout();
  } finally {
    leave();
  }
}

/** Not confined to one workspace: what belongs to the whole gate is theirs to see. */
export const everywhere = (): boolean => session.get()?.actor.workspace === null;

/** Whether the actor may do what belongs to an area: buttons that would be refused are not offered. */
export const may = (area: Area): boolean => session.get()?.areas.includes(area) ?? false;

/** Captured content is a right of its own: owners have it, and tokens with `content`, whatever their role. */
export const mayReadContent = (): boolean => session.get()?.content ?? false;
