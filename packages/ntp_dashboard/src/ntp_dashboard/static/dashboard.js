// The page: one stream of states, one chart document now and then, and what the operator does.

import { ApiError, follow, get, order, token } from "./api.js";
import { Charts } from "./charts.js";
import { clockText, count, dateText, duration, ppm, rate } from "./format.js";
import { addEvent, addRequest, showClients, showPairs, showRefused, showSources } from "./tables.js";

const $ = (id) => document.getElementById(id);
const put = (id, text) => {
  const place = $(id);
  if (place.textContent !== text) place.textContent = text;
};

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const STATES = {
  synchronized: ["good", "Synchronised"],
  holdover: ["warn", "Holdover"],
  starting: ["idle", "Starting"],
  "no-majority": ["bad", "No majority"],
  panic: ["bad", "Panic"],
  unsynchronized: ["bad", "Not synchronised"],
};
const SERVICES = { running: ["good", "Running"], stopped: ["bad", "Stopped"], disabled: ["idle", "Disabled"] };

// ---- the daemon's clock ------------------------------------------------------------------------------------------------------

const clock = { ahead: null, away: true };

/** The daemon's clock less ours, from the message that was under way the shortest; a clock that was set begins anew. */
function setClock(text) {
  const ahead = Date.parse(text) - performance.now();
  if (clock.ahead === null || ahead > clock.ahead || clock.ahead - ahead > 250) clock.ahead = ahead;
}

const now = () => (clock.ahead === null ? null : performance.now() + clock.ahead);

function tick() {
  const at = now();
  if (at !== null) {
    put("clock", clockText(at));
    $("clock").dateTime = new Date(at).toISOString();
    put("date", dateText(at));
  }
  setTimeout(tick, at === null ? 200 : 1000 - (at % 1000) + 1);
}

// ---- what is so --------------------------------------------------------------------------------------------------------------

const seen = { state: null, service: null, sources: new Map(), away: null };

function announce(words) {
  put("announce", words);
  addEvent(now(), words);
}

function setPill(id, [tone, words]) {
  $(id).dataset.tone = tone;
  put(`${id}-text`, words);
}

function setAway(words) {
  const away = words !== "";
  document.body.dataset.state = away ? "away" : "live";
  $("banner").hidden = !away;
  put("banner", sentence(words));
  if (seen.away !== away) {
    if (away) {
      setPill("pill", ["idle", "No answer"]);
      put("reason", "What you see is what was known last.");
      announce(sentence(words));
    } else if (seen.away !== null) announce("The daemon answers again.");
    seen.away = away;
  }
}

function showStatus(status) {
  setClock(status.nowUTC);
  setAway("");
  const state = STATES[status.state] ?? ["idle", status.state];
  setPill("pill", state);
  put("reason", `${sentence(status.reason)}.`);
  if (seen.state !== status.state) announce(`${state[1]}: ${status.reason}.`);
  seen.state = status.state;
  document.title = `${state[1]} · ${duration(status.offsetMillis, { sign: true })} · ntp-dashboard`;
  const estimated = status.offsetErrorMillis !== null;
  put("offset", estimated ? duration(status.offsetMillis, { sign: true }) : "–");
  put("offset-error", estimated ? `± ${duration(status.offsetErrorMillis, { digits: 2 })}${status.slewing ? ", slewing" : ""}` : "no estimate yet");
  put("error", duration(status.statisticalErrorMillis));
  put("error-bound", status.maximumErrorMillis === null ? "not bounded yet" : `at most ${duration(status.maximumErrorMillis)}`);
  put("frequency", ppm(status.frequency));
  put("frequency-error", status.frequencyError === null ? "\u00a0" : `± ${ppm(status.frequencyError, { sign: false, digits: 2 })}`);
  put("stratum", String(status.stratum));
  put("reference", status.upstream || status.referenceID || "nobody");
  put("version", `ntp-daemon ${status.version}, clock ${status.clock}${status.clockReason ? ` (${status.clockReason})` : ""}, up ${uptime(status.uptimeSeconds)}`);
  showService(status);
}

function uptime(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return days ? `${days} d ${hours} h` : hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

function showService(status) {
  const service = SERVICES[status.service] ?? ["idle", status.service];
  setPill("service", service);
  const workers = status.workers === 0 ? "in the daemon itself" : `${status.workers} worker${status.workers === 1 ? "" : "s"}`;
  put("service-detail", status.service === "running" ? ` on ${status.listenAddress}, ${workers}` : status.service === "disabled" ? " by configuration" : "");
  if (seen.service !== null && seen.service !== status.service) announce(`Server ${service[1].toLowerCase()}.`);
  seen.service = status.service;
  for (const button of document.querySelectorAll("[data-action]")) button.disabled = status.service === "disabled";
}

function showStats(stats) {
  put("rate", rate(stats.requestsPerSecond));
  put("requests-total", `${count(stats.requestsTotal)} in all`);
  put("processing", duration(stats.meanProcessingMillis));
  put("clients-total", `${count(stats.uniqueClients)} client${stats.uniqueClients === 1 ? "" : "s"}`);
  showClients(stats.topClients);
  showRefused(stats);
}

function noteSources(sources) {
  showSources(sources);
  for (const source of sources) {
    const before = seen.sources.get(source.id);
    if (before !== undefined && before !== source.status) addEvent(now(), `${source.name}: ${source.status}, ${source.reason}`);
    seen.sources.set(source.id, source.status);
  }
}

const SHOW = {
  status: showStatus,
  stats: showStats,
  sources: ({ sources }) => noteSources(sources),
  unavailable: ({ error }) => setAway(error),
};

// ---- the stream and the charts -----------------------------------------------------------------------------------------------

const charts = new Charts();
let following = new AbortController();
let drawn = 0;

function connect() {
  following.abort();
  following = new AbortController();
  follow("/v1/stats/stream", following.signal, {
    onEvent: ({ name, data }) => SHOW[name]?.(data),
    onTrouble: (error) => {
      if (error.status === 401) askForToken("This API takes a token.");
      else setAway(`The dashboard does not answer: ${error instanceof ApiError ? error.message : "no connection"}. Trying again.`);
    },
  });
}

async function draw() {
  const turn = ++drawn;
  let pause = 4000;
  try {
    const series = await get(`/v1/series?window=${document.querySelector("[name=window]:checked").value}`);
    if (turn !== drawn) return; // another window was chosen meanwhile
    charts.show(series);
    pause = 1000 * Math.min(series.stepSeconds, 60);
  } catch (error) {
    if (turn !== drawn || error.status === 401) return; // asked for already
  }
  setTimeout(() => turn === drawn && draw(), pause);
}

for (const radio of document.querySelectorAll("[name=window]")) radio.addEventListener("change", draw);

// A page that was left is kept for the way back, with its connections; a browser has six for each host, so some of those pages would shut out every other.
addEventListener("pagehide", () => {
  following.abort();
  drawn++;
  setWatching(false);
});
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  connect();
  draw();
});

// ---- the token ---------------------------------------------------------------------------------------------------------------

const dialog = $("token-dialog");
let afterToken = () => {};

function askForToken(why, then = () => {}) {
  afterToken = then;
  put("token-error", token.get() ? "That token was not accepted." : "");
  put("token-why", `${why} It stays in this tab, and goes with the request, never with the address.`);
  if (!dialog.open) dialog.showModal();
}

$("sign-in").addEventListener("click", () => askForToken("A token opens what is not for everybody."));
$("token-form").addEventListener("submit", (event) => {
  token.set(event.submitter?.value === "forget" ? "" : $("token").value.trim());
  $("token").value = "";
  connect();
  draw();
  afterToken();
});

// ---- what the operator does --------------------------------------------------------------------------------------------------

async function control(action) {
  put("control-answer", "…");
  try {
    put("control-answer", (await order(action)).message);
  } catch (error) {
    put("control-answer", error.message);
    if (error.status === 401) askForToken("To control the server takes a token.", () => control(action));
  }
}

for (const button of document.querySelectorAll("[data-action]")) {
  button.addEventListener("click", () => {
    const action = button.dataset.action;
    if (action !== "stop" || confirm("Stop answering clients? The clock goes on being disciplined.")) control(action);
  });
}

let watching = null;

function setWatching(on) {
  watching?.abort();
  watching = on ? new AbortController() : null;
  $("watch").setAttribute("aria-pressed", String(on));
  put("watch", on ? "Stop watching" : "Watch");
  $("watch-scroll").hidden = !on && !document.querySelector("#watched tbody").children.length;
  if (!on) return;
  follow("/v1/requests/stream", watching.signal, {
    onEvent: ({ name, data }) => {
      if (name === "request") addRequest(data);
      else put("watch-note", name === "resync" ? `${count(data.missed)} requests were too many to show.` : data.error);
    },
    onTrouble: (error) => {
      if (error.status !== 401 && error.status !== 403) return;
      setWatching(false);
      put("watch-note", error.message);
      if (error.status === 401) askForToken("To watch requests takes a token.", () => setWatching(true));
    },
  });
}

$("watch").addEventListener("click", () => setWatching(watching === null));

$("configuration").addEventListener("toggle", async () => {
  if (!$("configuration").open) return;
  const body = $("configuration-body");
  try {
    const { config } = await get("/v1/config");
    body.replaceChildren(...Object.entries(config).flatMap(([name, table]) => [table].flat().map((one) => section(name, one))));
  } catch (error) {
    body.textContent = error.status === 403 ? "The configuration is not shown: api.expose-config is off." : error.message;
  }
});

function section(name, table) {
  const part = document.createElement("section");
  const title = document.createElement("h3");
  title.textContent = `[${name}]`;
  const list = document.createElement("dl");
  list.className = "pairs";
  showPairs(list, flat(table));
  part.append(title, list);
  return part;
}

const flat = (table, prefix = "") =>
  Object.entries(table).flatMap(([key, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value) ? flat(value, `${prefix}${key}.`) : [[prefix + key, Array.isArray(value) ? value.join(", ") || "–" : value === "" ? "–" : String(value)]],
  );

const THEMES = ["auto", "light", "dark"];

function setTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  put("theme", `Theme: ${name}`);
  localStorage.setItem("ntp-dashboard-theme", name);
  charts.renew();
}

$("theme").addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf($("theme").textContent.slice(7)) + 1) % 3]));

put("host", location.hostname);
setTheme(THEMES.find((name) => name === localStorage.getItem("ntp-dashboard-theme")) ?? "auto");
if (location.pathname === "/ntp/config") $("configuration").open = true;
tick();
connect();
draw();
