// SPDX-License-Identifier: Apache-2.0
// What pages there are, one line each, in the order of the menu. See README.md for what a page is.
import type { ComponentType } from "preact";

import type { Area } from "./api";
import type { IconName } from "./components/icon";
import { Approvals } from "./pages/approvals";
import { Audit } from "./pages/audit";
import { Budgets } from "./pages/budgets";
import { Calls } from "./pages/calls";
import { Keys } from "./pages/keys";
import { Now } from "./pages/now";
import { Policies } from "./pages/policies";
import { Reports } from "./pages/reports";
import { Runs } from "./pages/runs";
import { Settings } from "./pages/settings";
import { Vendors } from "./pages/vendors";

/** What a page is given: what stands behind its name in the address. */
export interface PageProps {
  id: string | null;
  query: URLSearchParams;
}

export interface Page {
  path: string;
  title: string;
  icon: IconName;
  /** Goes there after "g". */
  key: string;
  page: ComponentType<PageProps>;
  /** Shown to those who may do this; all others do not see it. Default: "read". */
  area?: Area;
  /** Of the whole gate: not for who is confined to a workspace. */
  whole?: boolean;
}

export const pages: readonly Page[] = [
  { path: "now", title: "Now", icon: "pulse", key: "n", page: Now },
  { path: "runs", title: "Runs", icon: "run", key: "r", page: Runs },
  { path: "calls", title: "Calls", icon: "list", key: "c", page: Calls },
  { path: "keys", title: "Keys", icon: "key", key: "k", page: Keys },
  { path: "policies", title: "Policies", icon: "shield", key: "p", page: Policies, whole: true },
  { path: "budgets", title: "Budgets", icon: "gauge", key: "b", page: Budgets },
  { path: "vendors", title: "Vendors", icon: "plug", key: "v", page: Vendors, whole: true },
  { path: "approvals", title: "Approvals", icon: "hand", key: "a", page: Approvals },
  { path: "audit", title: "Audit", icon: "chain", key: "u", page: Audit },
  { path: "reports", title: "Reports", icon: "chart", key: "e", page: Reports },
  { path: "settings", title: "Settings", icon: "gear", key: "t", page: Settings },
];
