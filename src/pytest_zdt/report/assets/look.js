"use strict";
// Looking closer: zoom, and what was at a time, by pointer or keyboard.

// --- zoom

let zooming = false;

function zoomed(plot) {
  const { min, max } = plot.scales.x;
  if (!zooming && min != null) zoom(min, max);
}

function zoom(min, max) {
  const [first, last] = full();
  const least = Math.min(data.width * 2, last - first);
  const length = Math.min(Math.max(max - min, least), last - first);
  const start = Math.min(Math.max(min, first), last - length);
  range = length >= last - first ? null : [start, start + length];
  const [from, to] = shown();
  zooming = true;
  plots.forEach((plot) => (plot.scales.x.min !== from || plot.scales.x.max !== to) && plot.setScale("x", { min: from, max: to }));
  zooming = false;
  queueMicrotask(placed);
  place.dataset.from = from.toFixed(3);
  place.dataset.to = to.toFixed(3);
}

function scaled(factor) {
  const [min, max] = shown();
  const middle = cursor == null ? (min + max) / 2 : Math.min(Math.max(cursor * data.width, min), max);
  zoom(middle - (middle - min) * factor, middle + (max - middle) * factor);
}

function moved(share) {
  const [min, max] = shown();
  zoom(min + (max - min) * share, max + (max - min) * share);
}

// --- what is under the pointer, or chosen by keyboard

function told(bucket) {
  const [from, next] = [edge(bucket), edge(bucket + 1)];
  const to = Math.min(next, full()[1]);
  const until = bucket < data.count - 1 ? next : Infinity; // what came at the very end is told too
  const phase = data.phases.find((one) => from < one.end) || data.phases[data.phases.length - 1];
  const rates = data.versions.map((one) => `${isolated(one.id) || "no version"} ${number(one.rate[bucket])}/s`);
  const utc = data.began == null ? "" : `, ${new Date((data.began + from) * 1000).toISOString().slice(11, 19)} UTC`;
  const parts = [`${clock(from)} to ${clock(to)} (${phase ? phase.label : "run"}${utc}): ${rates.join(", ") || "no answers"}`];
  if (data.p50[bucket] != null) parts.push(`latency p50 ${measured(data.p50[bucket], " ms")}, p99 ${measured(data.p99[bucket], " ms")}`);
  if (data.lag[bucket] != null) parts.push(`lag ${measured(data.lag[bucket], " ms")}, CPU ${Math.round(data.cpu[bucket] * 100)} %`);
  return `${parts.join("; ")}. ${toldFailures(bucket, from, until)}${toldMarks(from, until)}`;
}

function toldFailures(bucket, from, to) {
  const counts = new Map();
  for (let row = first(from); row < data.at.length && data.at[row] < to; row++) {
    const group = data.groups[data.failed_group[row]];
    const text = `${group.kind} on ${isolated(group.endpoint)} by ${isolated(group.version) || "no version"}`;
    counts.set(text, (counts.get(text) || 0) + 1);
  }
  const sum = Math.round(data.failed[bucket] * lasting(bucket));
  if (from < data.known && sum) return `${sum} failed; the page of the whole run tells which.`;
  if (!counts.size) return sum ? `${sum} failed.` : "No failures.";
  const listed = [...counts].sort((one, two) => two[1] - one[1]).map(([text, count]) => `${count} × ${text}`);
  return `Failed: ${listed.slice(0, 4).join("; ")}${listed.length > 4 ? `; and ${listed.length - 4} more kinds` : ""}.`;
}

const toldMarks = (from, to) => data.marks.filter((mark) => mark.at >= from && mark.at < to).map((mark) => ` Mark: ${isolated(mark.name)} at ${clock(mark.at)}.`).join("");

/** The row of the first failure at or after a time. */
function first(time) {
  let [low, high] = [0, data.at.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data.at[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

let pointing = false; // whether it is the pointer that says what is told, or the keyboard
let pointer = ""; // where it was last: browsers tell of moves too when the page moves below it

function heeded(event) {
  const at = `${event.screenX} ${event.screenY}`;
  if (at !== pointer) pointing = Boolean(event.target.closest?.(".plot"));
  pointer = at;
}

function pointed(plot) {
  const at = plot.cursor.left;
  if (!pointing || at == null || at < 0) return;
  cursor = Math.min(Math.max(Math.floor(plot.posToVal(at, "x") / data.width + 1e-9), 0), data.count - 1);
  document.getElementById("readout").textContent = told(cursor);
}

/** What is told of is told anew: its figures may have changed. Nobody speaks of that. */
function retold() {
  const readout = document.getElementById("readout");
  const text = cursor == null ? INVITATION : told(cursor);
  if (readout.textContent !== text) readout.textContent = text;
}

function choose(bucket) {
  pointing = false;
  cursor = Math.min(Math.max(bucket, 0), data.count - 1);
  const middle = (cursor + 0.5) * data.width;
  const [min, max] = shown();
  if (middle < min || middle > max) zoom(middle - (max - min) / 2, middle + (max - min) / 2);
  queueMicrotask(placed);
  document.getElementById("readout").textContent = document.getElementById("spoken").textContent = told(cursor);
}

/** The line through all charts goes to what is chosen; in a task of its own, as they take a new scale in one. */
function placed() {
  if (pointing || cursor == null || !plots.length) return;
  const left = plots[0].valToPos((cursor + 0.5) * data.width, "x");
  const spot = { left: left >= 0 && left <= plots[0].over.clientWidth ? left : -10, top: 10 };
  plots.forEach((plot) => plot.setCursor(spot));
}

const KEYS = {
  ArrowRight: () => choose(cursor == null ? Math.ceil(shown()[0] / data.width) : cursor + 1),
  ArrowLeft: () => choose(cursor == null ? Math.floor(shown()[1] / data.width) - 1 : cursor - 1),
  Home: () => choose(0),
  End: () => choose(data.count - 1),
  f: () => nextFailure(),
  "+": () => scaled(0.5),
  "=": () => scaled(0.5),
  "-": () => scaled(2),
  0: () => zoom(...full()),
};

/** From where one is, past the failures there, to the next ones; from the last of them to the first. */
function nextFailure() {
  const failing = (bucket) => data.failed[bucket] > 0;
  let bucket = cursor == null ? Math.floor(shown()[0] / data.width) : cursor;
  while (cursor != null && bucket < data.count && failing(bucket)) bucket++;
  while (bucket < data.count && !failing(bucket)) bucket++;
  choose(bucket < data.count ? bucket : data.failed.findIndex((rate) => rate > 0));
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
}
