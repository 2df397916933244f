// SPDX-License-Identifier: Apache-2.0
// Where it begins. Then read app.tsx (the frame), pages.ts (what there is), api.ts (what it asks of the gate).
import "uplot/dist/uPlot.min.css";
import "./theme.css";
import "./parts.css";

import { render } from "preact";

import { App } from "./app";
import { followTheme } from "./theme";

followTheme();
const root = document.getElementById("app")!;
root.replaceChildren();
render(<App />, root);
