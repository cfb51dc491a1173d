"use strict";
// The page as a whole, of a run that is over or under way. Everything that is shown as text is set as text.

// --- the whole

function tools() {
  const button = (text, act, label) => {
    const made = element("button", { type: "button", ...(label ? { "aria-label": label } : {}) }, text);
    made.addEventListener("click", act);
    return made;
  };
  const spans = data.phases.map((phase, number) => button(phase.label, () => zoom(data.phases[number].start, data.phases[number].end), `zoom to the ${phase.label}`));
  return element(
    "div",
    { class: "tools", role: "group", "aria-label": "What the charts show" },
    button("all", () => zoom(...full()), "show the whole run"),
    ...spans,
    button("+", () => scaled(0.5), "zoom in"),
    button("−", () => scaled(2), "zoom out"),
    button("←", () => moved(-0.5), "earlier"),
    button("→", () => moved(0.5), "later"),
    ...(data.failures ? [button("next failure", nextFailure)] : []),
  );
}

function panel(title, label, make, keys) {
  const plot = element("div", { class: "plot", tabindex: "0", role: "group", "aria-label": `${label} Arrow keys move, plus and minus zoom, 0 shows all, f goes to the next failure.` });
  const shownKeys = keys() || element("span");
  place.append(element("div", { class: "chart" }, element("h3", {}, title), shownKeys, plot));
  const [settings, columns] = make();
  plots.push(new uPlot(settings, columns, plot));
  panels.push({ make, keys, shownKeys });
  plot.querySelectorAll("canvas").forEach((canvas) => canvas.setAttribute("aria-hidden", "true"));
  plot.addEventListener("keydown", pressed);
}

function versionKeys() {
  const versions = data.versions.map((one) => [versionColour(one.id), `${isolated(one.id) || "no version"}: ${number(one.answers)} good answers${one.failed ? `, ${number(one.failed)} failed` : ""}`]);
  const both = data.overlaps.length ? [["text", "below: both versions answered"]] : [];
  return legend([...versions, ["failed", `failed (striped): ${number(data.failures)}`], ...both]);
}

function failureKeys() {
  const most = data.outages.length < data.outages_in_all ? ` Of ${data.outages_in_all.toLocaleString("en")} outages the ${data.outages.length.toLocaleString("en")} longest are drawn.` : "";
  const latest = data.known ? ` Of ${number(data.failures)} failures the latest ${number(data.at.length)} are drawn while the run goes.` : "";
  return element("p", {}, `A line is a failure; dark is how long an outage lasted at least, light how long at most.${most}${latest}`);
}

let zoomedTo = null; // on the screen, while it is printed
const INVITATION = matchMedia("(pointer: coarse)").matches
  ? "Tap a chart to read what was at a time; the buttons zoom."
  : "Point at a chart, or choose one and use the arrow keys. Drag to zoom, double-click for all.";

function draw() {
  plots.forEach((plot) => plot.destroy());
  [plots, panels, rows] = [[], [], lanes()];
  place.hidden = false;
  document.getElementById("chartless").hidden = true;
  const named = (one) => one.getAttribute("aria-label") || one.textContent;
  const focused = place.contains(document.activeElement) ? named(document.activeElement) : null;
  place.replaceChildren(tools());
  place.append(element("p", { class: "readout", id: "readout", tabindex: "0" }));
  retold();
  place.append(element("p", { class: "unseen", id: "spoken", role: "status" }));
  panel("Requests per second, by version", "Requests per second by version.", rates, versionKeys);
  if (rows.names.length) panel("Failures and outages, by endpoint", "Failures and outages by endpoint.", failures, failureKeys);
  panel("Latency of answers to virtual users", "Latency, median to 99th percentile.", latencies, () => legend([["p50", "p50 (thick) to p99 (thin)"]]));
  panel("The load generator: how late the worst worker woke", "Scheduling lag of the load generator.", lags, () => "");
  panel("The load generator: CPU of the busiest worker, of one core", "CPU of the load generator.", cpus, () => "");
  zoom(...shown());
  if (focused !== null) [...place.querySelectorAll("button, .plot, .readout")].find((one) => named(one) === focused)?.focus({ preventScroll: true });
}

/** What decides which charts, layers, lanes and buttons there are. */
const shape = () => JSON.stringify([data.versions.map((one) => one.id), lanes().names.length, data.phases.map((one) => one.label), data.overlaps.length, data.failures > 0]);

/** New figures in the charts that are there: what somebody is just doing with them is left alone. */
function redraw() {
  rows = lanes();
  panels.forEach((one, number) => {
    plots[number].setData(one.make()[1], false);
    const keys = one.keys() || element("span");
    one.shownKeys.replaceWith(keys);
    one.shownKeys = keys;
  });
  plots.forEach((plot) => plot.redraw(true, true));
  retold();
  zoom(...shown());
}

function empty() {
  document.getElementById("chartless").textContent = "No request was recorded: there is nothing to draw.";
}

function show(raw) {
  const before = data && plots.length ? shape() : "";
  const chosen = cursor === null ? null : (cursor + 0.5) * data.width;
  data = prepare(raw);
  if (chosen !== null) cursor = Math.min(Math.floor(chosen / data.width), data.count - 1); // buckets grow with the run
  if (before && before === shape()) redraw();
  else if (data.versions.length || data.failures) draw();
  else empty();
}

function refit() {
  const width = Math.max(240, root.classList.contains("printing") ? Math.min(700, place.clientWidth) : place.clientWidth);
  plots.forEach((plot) => plot.width !== width && plot.setSize({ width, height: plot.height }));
}

/** On paper is the whole run, whatever is zoomed to. */
function printing(on) {
  root.classList.toggle("printing", on);
  if (on) zoomedTo = range;
  range = on ? null : zoomedTo;
  if (data && plots.length) draw();
  refit();
}

// --- begin

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.length && draw());
addEventListener("beforeprint", () => printing(true));
addEventListener("afterprint", () => printing(false));
["pointerdown", "pointermove"].forEach((kind) => document.addEventListener(kind, heeded, true));
new ResizeObserver(refit).observe(place.parentElement);
unpack(document.getElementById("data").textContent).then(show).then(() => document.body.dataset.live && poll(document.body.dataset.live));
