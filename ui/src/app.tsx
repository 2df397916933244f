// SPDX-License-Identifier: Apache-2.0
// The frame: who is here, the menu, the red button, what is stopped, and the page that the address names.
import { useEffect, useState } from "preact/hooks";

import { useLoad } from "./api";
import { Dialog } from "./components/dialog";
import { Icon } from "./components/icon";
import { StopBanner, StopDialog, openStop } from "./components/stop";
import { Toasts } from "./components/toast";
import { ErrorBoundary } from "./components/boundary";
import { followKeys, helpOpen, shortcuts } from "./keyboard";
import { liveState } from "./live";
import { pages, type Page } from "./pages";
import { Login } from "./pages/login";
import { go, link, useRoute } from "./router";
import { begin, everywhere, may, session, signOut } from "./session";
import { useCell } from "./store";
import { theme, type Theme } from "./theme";

export function App() {
  const here = useCell(session);
  useEffect(() => void begin(), []);
  if (here === undefined) return <p class="starting">Looking who is here …</p>;
  return (
    <>
      {here === null ? <Login /> : <Frame />}
      <Toasts />
    </>
  );
}

const offered = (page: Page): boolean => may(page.area ?? "read") && (!page.whole || everywhere());

function Frame() {
  const route = useRoute();
  const page = pages.find((each) => each.path === route.page && offered(each));
  const [menu, setMenu] = useState(false);
  useEffect(() => {
    if (route.page === "") go(link("now"), { replace: true });
  }, [route.page]);
  useEffect(() => followKeys(() => openStop()), []);
  useEffect(() => {
    document.title = page ? `${route.id ? `${route.id} · ` : ""}${page.title} · Tollgate` : "Tollgate";
    setMenu(false);
    document.querySelector("main")?.scrollTo(0, 0);
  }, [page, route.id]);
  return (
    <div class={`frame${menu ? " menu-open" : ""}`}>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>Skip to the page</a>
      <Top menu={menu} setMenu={setMenu} />
      <Menu at={route.page} />
      <StopBanner />
      <main id="main" tabIndex={-1}>
        <ErrorBoundary key={`${route.page}/${route.id ?? ""}`}>
          {page ? <page.page id={route.id} query={route.query} /> : route.page ? <NoPage name={route.page} /> : null}
        </ErrorBoundary>
      </main>
      <StopDialog />
      <Help />
    </div>
  );
}

function NoPage({ name }: { name: string }) {
  return (
    <div class="page">
      <h1>No such page</h1>
      <p>There is no page “{name}”. <a href={link("now")}>Now</a> shows what is going on.</p>
    </div>
  );
}

function Top({ menu, setMenu }: { menu: boolean; setMenu: (open: boolean) => void }) {
  const here = useCell(session)!;
  return (
    <header class="top">
      <button class="icon-button menu-button" aria-label="Menu" aria-expanded={menu} onClick={() => setMenu(!menu)}><Icon name="menu" /></button>
      <a class="brand" href={link("now")}><Icon name="mark" /> Tollgate</a>
      {here?.sandbox && <span class="badge warn">sandbox</span>}
      <span class="top-space" />
      <Live />
      <span class="who" title={`Role: ${here?.actor.role}`}>
        <b>{here?.actor.name}</b> <span class="quiet">{here?.actor.role} · {here?.actor.workspace ?? "all workspaces"}</span>
      </span>
      {may("change") && (
        <button class="stop-button" onClick={() => openStop()} aria-keyshortcuts="s"><Icon name="stop" /> Stop</button>
      )}
    </header>
  );
}

function Live() {
  const state = useCell(liveState);
  const text = { live: "Live", connecting: "Reconnecting", off: "Not live" }[state];
  return <span class={`live ${state}`} role="status"><i aria-hidden="true" /> {text}</span>;
}

/** Waiting approvals are counted in the menu: someone waits for an answer. */
function useWaiting(): number {
  const { data } = useLoad<{ data: unknown[] }>("/approvals", { state: "pending", limit: 100 }, { every: 15_000 });
  return data?.data.length ?? 0;
}

function Menu({ at }: { at: string }) {
  const waiting = useWaiting();
  return (
    <nav class="menu" aria-label="Pages">
      <ul>
        {pages.filter(offered).map((page) => (
          <li key={page.path}>
            <a href={link(page.path)} aria-current={page.path === at ? "page" : undefined}>
              <Icon name={page.icon} /> {page.title}
              {page.path === "approvals" && waiting > 0 && <span class="count" title={`${waiting} waiting`}>{waiting}</span>}
            </a>
          </li>
        ))}
      </ul>
      <div class="menu-end">
        <ThemeSwitch />
        <div class="row tight">
          <button class="plain" onClick={() => helpOpen.set(true)}>Keys <kbd>?</kbd></button>
          <button class="plain" onClick={() => void signOut()}>Sign out</button>
        </div>
        <span class="quiet version">{session.get()?.version}</span>
      </div>
    </nav>
  );
}

function ThemeSwitch() {
  const now = useCell(theme);
  const choices: Theme[] = ["system", "light", "dark"];
  return (
    <div class="switch" role="radiogroup" aria-label="Colours">
      {choices.map((each) => (
        <label key={each}>
          <input type="radio" name="theme" checked={now === each} onChange={() => theme.set(each)} /> <span>{each}</span>
        </label>
      ))}
    </div>
  );
}

function Help() {
  const open = useCell(helpOpen);
  return (
    <Dialog open={open} title="Keys" onClose={() => helpOpen.set(false)}>
      <table class="keys">
        <tbody>
          {pages.filter(offered).map((page) => (
            <tr key={page.path}><td><kbd>g</kbd> <kbd>{page.key}</kbd></td><td>{page.title}</td></tr>
          ))}
          {shortcuts.map(([key, what]) => (
            <tr key={key}><td><kbd>{key}</kbd></td><td>{what}</td></tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
