import "./styles/index.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App, makeQueries } from "./App";
import { setUpLanguages } from "./i18n";
import { goLive } from "./live";
import { setUpTheme } from "./ui/theme";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

setUpTheme();
await setUpLanguages();
const live = goLive();
createRoot(root).render(
  <StrictMode>
    <App live={live} queries={makeQueries()} />
  </StrictMode>,
);
