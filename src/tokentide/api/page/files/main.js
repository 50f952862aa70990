// The page: the address says what is shown, the server answers, the panels show it, and after a while once more.

import { byId, element } from "./dom.js";
import * as header from "./header.js";
import { Live } from "./live.js";
import { Panel } from "./panel.js";
import { freshness, PANELS } from "./panels.js";
import { loadPicture, signOut } from "./server.js";
import * as signin from "./signin.js";
import { addressOf, readState } from "./state.js";
import { tiles } from "./tiles.js";

const REFRESH_SECONDS = 10;
const LONG_REFRESH_SECONDS = 60; // days are not read as often as hours
const LOAD_SHARE = 20; // never ask for more than a twentieth of the time
const RETRY_SECONDS = 10;

const root = document.documentElement;
const panels = PANELS.map((definition) => ({ ...definition, panel: new Panel(definition) }));
const live = new Live(() => load());
let state = readState(location.search);
let asking = null;
let picture = null;
let drawnWidth = 0;

async function load() {
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  const began = performance.now();
  const answer = await loadPicture(location.search, mine.signal);
  if (answer.aborted || mine !== asking) return;
  if (answer.picture) show(answer.picture, (performance.now() - began) / 1000);
  else if (answer.status === 401) await askToSignIn(answer.code === "no_key" ? "" : answer.message);
  else fail(answer);
}

function show(answer, tookSeconds) {
  const first = root.dataset.state !== "ready";
  picture = answer;
  root.dataset.state = "ready"; // before anything is measured
  byId("sign-in").hidden = true;
  say(null);
  header.showAnswer(picture);
  const { state: fresh, words } = freshness(picture.freshness);
  byId("fresh").dataset.fresh = fresh;
  byId("fresh").textContent = words;
  const focused = document.activeElement;
  byId("tiles").replaceChildren(...tiles(picture));
  showEmpty();
  const name = [picture.shown.project, picture.shown.start.slice(0, 10), picture.shown.end.slice(0, 10)];
  for (const { panel, view } of panels) panel.show(view(picture), name.filter(Boolean).map(harmless).join("-"));
  if (first && focused !== document.activeElement) focused?.focus?.();
  if (first) announce("The numbers are loaded.");
  const usual = picture.shown.stepSeconds < 86_400 ? REFRESH_SECONDS : LONG_REFRESH_SECONDS;
  live.after(Math.max(usual, tookSeconds * LOAD_SHARE));
}

/** Without calls there are words instead of empty charts: what to do to see some. */
function showEmpty() {
  const none = picture.total.requests === 0;
  root.toggleAttribute("data-empty", none);
  byId("empty").hidden = !none;
  if (!none) return;
  const never = picture.freshness.dataThrough === null;
  const title = never ? "Nothing has been stored yet" : "No calls in this time";
  const ninety = addressOf({ ...state, range: "90d", from: null, to: null });
  const help = never
    ? ["Send a call to ", element("code", {}, "POST /v1/ingest"), " with an ingest key, or run ", element("code", {}, "tokentide ingest FILE"), ". It is here about two seconds later, without reloading."]
    : ["Choose another project or a longer time, such as ", element("a", { href: ninety }, "the last 90 days"), "."];
  byId("empty").replaceChildren(element("h2", { id: "empty-title" }, title), element("p", {}, help));
}

function fail({ status, message, retrySeconds }) {
  root.dataset.state = picture ? "ready" : "error";
  const wrong = status >= 400 && status < 500 && status !== 429 && status !== 408;
  const again = element("button", { type: "button" }, wrong ? "Show the last 24 hours of all projects" : "Try again now");
  again.addEventListener("click", () => (wrong ? choose(readState("")) : load()));
  const shownIs = picture && !wrong ? " What is shown is from before." : "";
  const next = wrong ? "" : ` The page tries again in ${retrySeconds ?? RETRY_SECONDS} s.`;
  say(element("p", {}, `${message}${status ? shownIs + next : ""}`), again);
  if (!wrong) live.after(retrySeconds ?? RETRY_SECONDS);
}

async function askToSignIn(reason = "") {
  live.after(86_400);
  picture = null;
  say(null);
  document.title = "Sign in · tokentide";
  root.dataset.state = "sign-in";
  byId("sign-in").hidden = false;
  if (reason) await signOut(); // the cookie opens nothing any more
  signin.ask(reason);
}

function choose(next) {
  state = next;
  history.pushState(null, "", addressOf(state));
  reload();
}

function reload() {
  byId("from").value = state.from ?? "";
  byId("to").value = state.to ?? "";
  header.showRange(state);
  load();
}

function say(...parts) {
  byId("message").hidden = parts[0] === null;
  byId("message").replaceChildren(...parts.filter(Boolean));
}

function announce(words) {
  byId("said").textContent = words;
}

function harmless(name) {
  return name.replaceAll(/[^\w-]+/g, "_");
}

byId("panels").append(...panels.map(({ panel }) => panel.node));
header.showRange(state);
header.listen(() => state, choose);
signin.listen(() => {
  root.dataset.state = "loading";
  byId("sign-in").hidden = true;
  byId("main").focus();
  load();
});
byId("live").addEventListener("click", () => {
  live.toggle();
  byId("live").setAttribute("aria-pressed", String(live.on));
  byId("live").textContent = live.on ? "Live" : "Paused";
  announce(live.on ? "The numbers are kept up to date." : "The numbers stay as they are.");
});
byId("sign-out").addEventListener("click", async () => {
  await signOut();
  await askToSignIn();
});
addEventListener("popstate", () => {
  state = readState(location.search);
  reload();
});
new ResizeObserver(([entry]) => {
  if (!picture || entry.contentRect.width === drawnWidth) return;
  drawnWidth = entry.contentRect.width;
  for (const { panel } of panels) panel.draw();
}).observe(byId("panels"));
load();
