"use strict";
// What the charts show, and how it is written. Times are seconds from the start of the run.

const root = document.documentElement;
const place = document.getElementById("charts");
const LANES = 10; // endpoints that get a lane of their own for their failures
const LANE = 36; // pixels
const SIZE = 66; // pixels left of every plot
const OTHERS = ["new", "third", "fourth", "fifth"]; // colours of versions that came later
let data = null;
let panels = []; // what makes each chart, and its legend; in the order of `plots`
let plots = [];
let rows = null; // the endpoints that have lanes
let range = null; // what is zoomed to; null: all
let cursor = null; // the bucket that is told of: chosen by keyboard, or pointed at last

// --- the data

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const found = JSON.parse(await new Response(stream).text());
  const [low, high] = found.failed_group.map((written) => Array.from(written, (char) => char.codePointAt(0) - 48));
  return { ...found, failed_group: low.map((number, row) => number + 64 * high[row]) };
}

function prepare(raw) {
  let at = 0;
  raw.at = raw.failed_at.map((step) => (at += step) / 1000);
  raw.count = raw.failed.length;
  raw.failures = raw.groups.reduce((sum, group) => sum + group.count, 0); // of which a run under way tells the latest one by one
  raw.known = raw.failures > raw.at.length ? raw.at[0] : 0; // since when each of them is told
  raw.starts = Array.from({ length: raw.count }, (_, number) => number * raw.width);
  return raw;
}

const full = () => [0, Math.max(data.end, data.width)];
/** Where a bucket begins: whole milliseconds, as the times of failures. */
const edge = (bucket) => Math.round(bucket * data.width * 1000) / 1000;
/** The seconds that a bucket's rate is of: the last one may be shorter. */
const lasting = (bucket) => (bucket < data.count - 1 ? data.width : Math.max(Math.min(data.width, data.end - bucket * data.width), data.width / 3));
const shown = () => range || full();
const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

function versionColour(version) {
  if (version === "") return "unnamed";
  if (version === data.old) return "old";
  const others = data.versions.map((one) => one.id).filter((id) => id !== "" && id !== data.old);
  return OTHERS[others.indexOf(version) % OTHERS.length];
}

function clock(seconds) {
  const all = Math.round(seconds * 1000);
  const [whole, rest] = [Math.floor(all / 1000), all % 1000];
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const padded = String(whole % 60).padStart(2, "0");
  const text = hours ? `${hours}:${String(minutes).padStart(2, "0")}:${padded}` : `${minutes}:${padded}`;
  return rest ? `${text}.${String(rest).padStart(3, "0").replace(/0+$/, "")}` : text;
}

const number = (value) => value.toLocaleString("en", value >= 100 ? { maximumFractionDigits: 0 } : value >= 10 ? { maximumFractionDigits: 1 } : { maximumSignificantDigits: 3 });

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** A name that is written from right to left, isolated, lest it reorder the figures around it. */
const isolated = (name) => (RIGHT_TO_LEFT.test(name) ? `\u2068${name}\u2069` : name);

const measured = (value, unit) => (unit === " ms" && value >= 1000 ? `${number(value / 1000)} s` : `${number(value)}${unit}`);

// --- elements

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function swatch(name) {
  const made = element("span", { class: "swatch", "aria-hidden": "true" });
  made.style.background = colour(name);
  return made;
}

function legend(items) {
  return element("ul", { class: "legend" }, ...items.map(([name, text]) => element("li", {}, swatch(name), text)));
}
