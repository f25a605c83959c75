// Three charts. Their colours are those of the page, their times are UTC, and the line of text above each tells in words what the cursor is at.

import { clockText, duration, ppm, rate } from "./format.js";

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

export const OUTCOMES = [
  ["answered", "Answered"],
  ["unsynchronized", "No time yet"],
  ["limited", "Over a limit"],
  ["denied", "Denied"],
  ["malformed", "Malformed"],
];

/** Label the ticks of an axis in one unit, the one that fits the largest of them. */
function ticks(format) {
  return (_chart, values) => {
    const like = Math.max(...values.map((value) => Math.abs(value ?? 0)));
    return values.map((value) => (value === null ? "" : value === 0 ? "0" : format(value, like)));
  };
}

function axes(format, more = []) {
  const base = { stroke: color("--muted"), font: FONT, grid: { stroke: color("--grid"), width: 1 }, ticks: { show: false } };
  return [
    { ...base, grid: { show: false }, gap: 6, size: 26, space: 70, values: timeTicks },
    { ...base, size: 88, gap: 6, space: 36, values: ticks(format) },
    ...more.map((axis) => ({ ...base, ...axis })),
  ];
}

/** Times of day, and days where the window has several. */
function timeTicks(chart, at) {
  const days = chart.scales.x.max - chart.scales.x.min > 100000;
  return at.map((second) => (days ? new Date(second * 1000).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", timeZone: "UTC" }) : clockText(second * 1000).slice(0, 5)));
}

const known = (columns) => columns.flat().filter((value) => value !== null);

/**
 * A range for the usual values, never empty. One hour's step must not make a week of microseconds a flat line: what is more than ten times as far
 * from the middle as nine rows in ten are is left out, and the line of text above the chart says so.
 */
function usualRange(values, middle, least) {
  const far = values.map((value) => Math.abs(value - middle)).sort((a, b) => a - b);
  const usual = far[Math.floor(0.9 * (far.length - 1))] ?? 0;
  const kept = values.filter((value) => Math.abs(value - middle) <= Math.max(10 * usual, least));
  const high = Math.max(middle, ...kept);
  const low = Math.min(middle, ...kept);
  const room = Math.max((high - low) * 0.08, least);
  return [low - room, high + room];
}

/** How many rows are left out, and how far they go. */
function leftOut(column, [low, high], format) {
  const out = column.filter((value) => value !== null && (value < low || value > high));
  if (!out.length) return "";
  const furthest = out.reduce((one, other) => (Math.abs(other) > Math.abs(one) ? other : one));
  return ` (${out.length} beyond the chart, to ${format(furthest)})`;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

class Chart {
  constructor(name, { describe, build, usual = () => [0, 1], beyond = () => "" }) {
    this.place = document.getElementById(`${name}-chart`);
    this.readout = document.getElementById(`${name}-readout`);
    this.describe = describe;
    this.build = build;
    this.usual = usual;
    this.beyond = beyond;
    this.data = null;
    this.chart = null;
    new ResizeObserver(() => this.chart?.setSize(this.size())).observe(this.place);
    this.place.addEventListener("keydown", (event) => this.move(event));
    this.place.addEventListener("blur", () => this.chart?.setCursor({ left: -10, top: -10 }));
  }

  /** What the second axis of the chart shows of the data; for charts whose scale is that of the usual values. */
  range() {
    return this.usual(this.data);
  }

  size() {
    return { width: Math.max(this.place.clientWidth, 120), height: this.place.clientHeight };
  }

  now() {
    return Date.parse(this.raw.time) / 1000;
  }

  /** Columns, the first of them seconds since 1970; `raw` goes to `describe`. */
  show(data, raw) {
    this.raw = raw;
    this.data = data;
    if (this.chart) this.chart.setData(data);
    else if (data[0].length) this.make();
    this.place.dataset.points = data[0].length;
    this.place.dataset.last = data[0].at(-1) ?? "";
    this.tell();
  }

  make() {
    const { series, scales, axes: lines, bands, hooks } = this.build(() => this.range());
    const options = {
      ...this.size(),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      padding: [10, 18, 0, 0],
      series: [{}, ...series],
      // all of the window, also while there is little to show: the charts stay one below the other, and do not jump
      scales: { x: { time: true, range: () => [this.now() - this.raw.windowSeconds, this.now()] }, ...scales },
      axes: lines,
      bands,
      hooks: { ...hooks, setCursor: [() => this.tell()] },
      tzDate: (second) => uPlot.tzDate(new Date(second * 1000), "Etc/UTC"),
    };
    this.chart = new uPlot(options, this.data, this.place);
  }

  /** In other colours. */
  renew() {
    if (!this.chart) return;
    this.chart.destroy();
    this.make();
  }

  tell() {
    const index = this.chart?.cursor.idx ?? this.raw.ageSeconds.length - 1;
    const text = index < 0 || index === null ? "Nothing measured yet." : this.describe(this.raw, Math.min(index, this.raw.ageSeconds.length - 1), this.data[0]) + this.beyond(this.data, this.range());
    if (this.readout.textContent !== text) this.readout.textContent = text;
  }

  /** The arrow keys move the cursor from row to row. */
  move(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || !this.chart || !this.data[0].length) return;
    event.preventDefault();
    const last = this.data[0].length - 1;
    const at = Math.min(last, Math.max(0, (this.chart.cursor.idx ?? last) + step));
    this.readout.setAttribute("aria-live", "polite");
    this.chart.setCursor({ left: this.chart.valToPos(this.data[0][at], "x"), top: 20 });
  }
}

function offsetChart() {
  return new Chart("offset", {
    describe: (raw, at, times) =>
      raw.offsetMillis[at] === null
        ? `${clockText(times[at] * 1000)} · no estimate`
        : `${clockText(times[at] * 1000)} · ${duration(raw.offsetMillis[at], { sign: true })}, from ${duration(raw.offsetLowMillis[at], { sign: true })} to ${duration(raw.offsetHighMillis[at], { sign: true })}; error below ${duration(raw.statisticalErrorMillis[at])}`,
    usual: (data) => usualRange(known(data.slice(1)), 0, 1e-6),
    beyond: (data, range) => leftOut(data[3], range, (value) => duration(value, { sign: true })),
    build: (range) => ({
      series: [
        { stroke: color("--band-line"), width: 1, points: { show: false } },
        { stroke: color("--band-line"), width: 1, points: { show: false } },
        { stroke: color("--accent"), width: 2, points: { show: false } },
      ],
      bands: [{ series: [1, 2], fill: color("--band") }],
      scales: { y: { range } },
      axes: axes((value, like) => duration(value, { sign: true, digits: 3, like })),
    }),
  });
}

function frequencyChart() {
  return new Chart("frequency", {
    describe: (raw, at, times) => `${clockText(times[at] * 1000)} · ${ppm(raw.frequency[at])}: ${raw.frequency[at] ? `made to run ${raw.frequency[at] < 0 ? "slower" : "faster"}` : "left as it is"}`,
    usual: (data) => usualRange(known([data[1]]), median(known([data[1]])), 2e-9),
    beyond: (data, range) => leftOut(data[1], range, (value) => ppm(value)),
    build: (range) => ({
      series: [{ stroke: color("--accent"), width: 2, points: { show: false } }],
      scales: { y: { range } },
      axes: axes((value, like) => ppm(value, { digits: 5, like })),
    }),
  });
}

function requestsChart() {
  const bars = () => uPlot.paths.bars({ size: [0.94, 40], align: -1 });
  return new Chart("requests", {
    describe: (raw, at, times) => {
      const parts = OUTCOMES.filter(([key]) => raw[key][at]).map(([key, name]) => `${name.toLowerCase()} ${rate(raw[key][at] / raw.stepSeconds)}`);
      return `${clockText(times[at] * 1000)} · ${parts.join(", ") || "no requests"}; mean processing ${duration(raw.processingMillis[at])}`;
    },
    usual: (data) => [0, 1.5 * usualRange(known([data.at(-1)]), 0, 0.001)[1]],
    beyond: (data, range) => leftOut(data.at(-1), range, (value) => duration(value)),
    build: (range) => ({
      // The sums are drawn from the largest to the smallest, so that of each only its own part is seen.
      series: [
        ...OUTCOMES.toReversed().map(([key]) => ({ fill: color(`--c-${key}`), stroke: color(`--c-${key}`), width: 0, paths: bars(), points: { show: false } })),
        { scale: "time", stroke: color("--c-line"), width: 2, points: { show: false }, spanGaps: true },
      ],
      scales: {
        y: { range: (_u, _low, high) => [0, Math.max(high ?? 0, 0.1) * 1.1] },
        time: { range },
      },
      axes: axes((value) => rate(value), [{ scale: "time", side: 1, size: 64, gap: 6, grid: { show: false }, values: ticks((value, like) => duration(value, { like })) }]),
    }),
  });
}

/** All of them; `show` takes the document of /v1/series. */
export class Charts {
  constructor() {
    this.offset = offsetChart();
    this.frequency = frequencyChart();
    this.requests = requestsChart();
    this.legend();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.renew());
  }

  legend() {
    const list = document.getElementById("requests-legend");
    list.replaceChildren(
      ...[...OUTCOMES, ["line", "Mean processing time (right axis)"]].map(([key, name]) => {
        const item = document.createElement("li");
        const mark = document.createElement("i");
        mark.className = key === "line" ? "line" : "";
        mark.style.background = `var(--c-${key})`;
        item.append(mark, name);
        return item;
      }),
    );
  }

  renew() {
    for (const chart of [this.offset, this.frequency, this.requests]) chart.renew();
  }

  show(series) {
    const now = Date.parse(series.time) / 1000;
    const times = series.ageSeconds.map((age) => now - age);
    const bound = (sign) => series.offsetMillis.map((value, at) => (value === null || series.statisticalErrorMillis[at] === null ? null : value + sign * series.statisticalErrorMillis[at]));
    this.offset.show([times, bound(1), bound(-1), series.offsetMillis], series);
    this.frequency.show([times, series.frequency], series);
    const sums = [];
    OUTCOMES.forEach(([key], layer) => {
      sums.push(series[key].map((number, at) => number / series.stepSeconds + (layer ? sums[layer - 1][at] : 0)));
    });
    this.requests.show([times, ...sums.toReversed(), series.processingMillis], series);
  }
}
