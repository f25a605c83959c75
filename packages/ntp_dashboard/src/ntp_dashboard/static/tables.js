// Tables and lists. Text is always put in as text: a name that looks like markup is shown as it is.

import { ago, clockText, count, duration } from "./format.js";

export const TONES = {
  selected: "good", starting: "idle", unreachable: "bad", unsynchronized: "warn", distant: "warn", falseticker: "bad",
  "no-majority": "bad", "too-few": "warn", loop: "warn", denied: "bad", offline: "idle",
};

function cell(text, { label = "", number = false, className = "" } = {}) {
  const td = document.createElement("td");
  td.className = number ? `number ${className}` : className;
  if (label) td.dataset.label = label;
  td.append(text);
  return td;
}

function reach(bits) {
  const mark = document.createElement("span");
  const answered = bits.toString(2).replaceAll("0", "").length;
  mark.className = "reach";
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", `${answered} of the last 8 requests answered`);
  mark.title = `${answered} of the last 8 requests answered; reach ${bits.toString(8)} in octal`;
  for (let bit = 7; bit >= 0; bit--) {
    const part = document.createElement("i");
    if (!((bits >> bit) & 1)) part.className = "missed";
    mark.append(part);
  }
  return mark;
}

function tag(status) {
  const mark = document.createElement("span");
  mark.className = "tag";
  mark.dataset.tone = TONES[status] ?? "idle";
  mark.textContent = status;
  return mark;
}

function empty(body, columns, words) {
  const row = document.createElement("tr");
  const td = cell(words, { className: "empty" });
  td.colSpan = columns;
  row.append(td);
  body.replaceChildren(row);
}

export function showSources(sources) {
  const body = document.querySelector("#sources tbody");
  if (!sources.length) return empty(body, 9, "No sources: this clock follows nobody.");
  body.replaceChildren(
    ...sources.map((source) => {
      const row = document.createElement("tr");
      row.dataset.id = source.id;
      const name = document.createElement("th");
      name.scope = "row";
      name.textContent = source.name;
      if (source.address && source.address !== source.name) {
        const sub = document.createElement("span");
        sub.className = "sub muted";
        sub.textContent = ` ${source.address}`;
        name.append(sub);
      }
      row.append(
        name,
        cell(tag(source.status)),
        cell(reach(source.reach)),
        cell(duration(source.offsetMillis, { sign: true }), { number: true, label: "Offset" }),
        cell(duration(source.offsetErrorMillis, { digits: 2 }), { number: true, label: "±" }),
        cell(duration(source.delayMillis), { number: true, label: "Delay" }),
        cell(source.stratum ? String(source.stratum) : "–", { number: true, label: "Stratum" }),
        cell(source.pollIntervalSeconds ? `${source.pollIntervalSeconds} s` : "–", { number: true, label: "Poll" }),
        cell(source.reason, { className: "why" }),
      );
      return row;
    }),
  );
}

export function showClients(clients) {
  const body = document.querySelector("#clients tbody");
  if (!clients.length) return empty(body, 4, "Nobody has asked lately.");
  body.replaceChildren(
    ...clients.map((client) => {
      const row = document.createElement("tr");
      row.append(
        cell(client.address, { className: "nowrap" }),
        cell(count(client.requests), { number: true }),
        cell(count(client.drops), { number: true }),
        cell(`${ago(client.idleSeconds)} ago`, { number: true }),
      );
      return row;
    }),
  );
}

export function showPairs(list, pairs) {
  list.replaceChildren(
    ...pairs.flatMap(([name, value]) => {
      const term = document.createElement("dt");
      const description = document.createElement("dd");
      term.textContent = name;
      description.textContent = value;
      return [term, description];
    }),
  );
}

export function showRefused(stats) {
  showPairs(document.getElementById("refused"), [
    ["Over a limit", count(stats.rateDeniedTotal)],
    ["By the lists", count(stats.aclDeniedTotal)],
    ["By name", count(stats.dnsDeniedTotal)],
    ["Malformed", count(stats.malformedTotal)],
    ["No time to serve", count(stats.unsyncedDroppedTotal)],
    ["Kisses of death sent", count(stats.kissOfDeathTotal)],
    ["Dropped by the kernel", count(stats.kernelDropsTotal)],
  ]);
}

/** The newest first, at most 100. */
export function addEvent(at, words) {
  const list = document.getElementById("events");
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = at === null ? "--:--:--" : clockText(at);
  const text = document.createElement("span");
  text.textContent = words;
  item.append(time, text);
  list.prepend(item);
  while (list.children.length > 100) list.lastChild.remove();
}

export function addRequest(request) {
  const body = document.querySelector("#watched tbody");
  const row = document.createElement("tr");
  row.append(
    cell(clockText(Date.parse(request.at)), { className: "nowrap" }),
    cell(`${request.clientIp}:${request.clientPort}`, { className: "nowrap" }),
    cell(String(request.version), { number: true }),
    cell(String(request.mode), { number: true }),
    cell(String(request.length), { number: true }),
    cell(request.outcome),
  );
  body.prepend(row);
  while (body.children.length > 200) body.lastChild.remove();
}
