// Numbers as people read them. A minus is a minus (U+2212), and columns of figures line up.

const DASH = "–";

/** In the unit that fits `like`, which is the value itself unless several numbers are to have the same unit. */
function scaled(value, units, digits, like) {
  const size = Math.abs(like ?? value);
  const [least, unit, factor = least] = units.find(([from]) => size >= from) ?? units.at(-1);
  const number = value / factor;
  const text = number.toLocaleString("en-GB", { maximumSignificantDigits: digits, useGrouping: false });
  return [text.replace("-", "−"), unit];
}

const SECONDS = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];

/** Milliseconds as the unit that fits: 0.0123 → "12.3 µs". */
export function duration(millis, { sign = false, digits = 3, like = millis } = {}) {
  if (millis === null || millis === undefined) return DASH;
  const [text, unit] = scaled(millis / 1000, SECONDS, digits, like / 1000);
  return `${sign && millis > 0 ? "+" : ""}${text} ${unit}`;
}

/** A ratio as parts per million, or per billion where that is little. */
export function ppm(ratio, { sign = true, digits = 4, like = ratio } = {}) {
  if (ratio === null || ratio === undefined) return DASH;
  const [text, unit] = scaled(ratio, [[1e-7, "ppm", 1e-6], [0, "ppb", 1e-9]], digits, like);
  return `${sign && ratio > 0 ? "+" : ""}${text} ${unit}`;
}

export const count = (number) => number.toLocaleString("en-GB").replaceAll(",", "\u202f");

export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return DASH;
  const digits = perSecond >= 100 ? 0 : perSecond >= 10 ? 1 : 2;
  return `${perSecond.toLocaleString("en-GB", { maximumFractionDigits: digits }).replaceAll(",", "\u202f")} /s`;
}

/** Seconds as a length of time that nobody needs to compute with. */
export function ago(seconds) {
  if (seconds === null || seconds === undefined) return DASH;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

const two = (number) => String(number).padStart(2, "0");

/** Milliseconds since 1970 as a time of day, UTC. */
export function clockText(millis) {
  const at = new Date(millis);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

export const dateText = (millis) =>
  new Date(millis).toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
