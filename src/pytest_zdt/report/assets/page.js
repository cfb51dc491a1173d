"use strict";
// The charts of the page. Times are seconds from the start of the run; everything that is shown as text is set as text.
(() => {
  const root = document.documentElement;
  const place = document.getElementById("charts");
  const LANES = 10; // endpoints that get a lane of their own for their failures
  const LANE = 36; // pixels
  const SIZE = 56; // pixels left of every plot
  let data = null;
  let panels = []; // what makes each chart, and its legend; in the order of `plots`
  let plots = [];
  let rows = null; // the endpoints that have lanes
  let range = null; // what is zoomed to; null: all
  let cursor = null; // the bucket that the keyboard has chosen

  // --- the data

  async function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  function prepare(raw) {
    let at = 0;
    raw.at = raw.failed_at.map((step) => (at += step) / 1000);
    raw.count = raw.failed.length;
    raw.starts = Array.from({ length: raw.count }, (_, number) => number * raw.width);
    return raw;
  }

  const full = () => [0, Math.max(data.end, data.width)];
  const shown = () => range || full();
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

  function versionColour(version) {
    if (version === "") return "unnamed";
    if (version === data.old) return "old";
    const others = data.versions.map((one) => one.id).filter((id) => id !== "" && id !== data.old);
    return ["new", "third", "fourth"][others.indexOf(version) % 3];
  }

  function clock(seconds) {
    const whole = Math.floor(seconds + 1e-6);
    const rest = seconds - whole;
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    const padded = String(whole % 60).padStart(2, "0");
    const text = hours ? `${hours}:${String(minutes).padStart(2, "0")}:${padded}` : `${minutes}:${padded}`;
    return rest > 0.0005 ? `${text}.${rest.toFixed(3).slice(2).replace(/0+$/, "")}` : text;
  }

  const number = (value) => (value >= 100 ? Math.round(value).toLocaleString("en") : value.toLocaleString("en", { maximumFractionDigits: 1 }));

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

  // --- what all charts have: phases behind them, marks and overlaps over them

  const left = (plot, at) => plot.valToPos(at, "x", true);

  function clipped(plot, draw) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    draw(ctx, bbox, devicePixelRatio);
    ctx.restore();
  }

  function drawPhases(plot) {
    clipped(plot, (ctx, box) => {
      for (const phase of data.phases) {
        ctx.fillStyle = colour(phase.name);
        ctx.fillRect(left(plot, phase.start), box.top, left(plot, phase.end) - left(plot, phase.start), box.height);
      }
    });
  }

  function drawMarks(plot) {
    clipped(plot, (ctx, box, dpr) => {
      ctx.strokeStyle = colour("text");
      ctx.setLineDash([4 * dpr, 3 * dpr]);
      ctx.lineWidth = dpr;
      for (const mark of data.marks) {
        const x = Math.round(left(plot, mark.at));
        ctx.beginPath();
        ctx.moveTo(x, box.top);
        ctx.lineTo(x, box.top + box.height);
        ctx.stroke();
      }
    });
  }

  function written(ctx, dpr) {
    ctx.font = `${12 * dpr}px system-ui, sans-serif`;
    ctx.textBaseline = "top";
    ctx.textAlign = "left";
  }

  /** The names of phases, and below them those of marks, above the plot; what has no room is left to the readout. */
  function drawNames(plot) {
    const { ctx, bbox: box } = plot;
    const dpr = devicePixelRatio;
    const [from, to] = shown();
    const line = (names, top) => {
      let free = box.left;
      for (const [text, start, end] of names) {
        const at = Math.max(left(plot, Math.max(start, from)), free);
        const stop = at + ctx.measureText(text).width;
        if (end <= from || start >= to || at > left(plot, start) + 40 * dpr || stop > left(plot, Math.min(end, to)) + 2) continue;
        ctx.fillText(text, at, box.top - top * dpr);
        free = stop + 8 * dpr;
      }
    };
    ctx.save();
    written(ctx, dpr);
    ctx.fillStyle = colour("quiet");
    line(data.phases.map((phase) => [phase.name, phase.start, phase.end]), 34);
    ctx.fillStyle = colour("text");
    line(data.marks.map((mark) => [mark.name, mark.at, data.end * 2]), 17);
    ctx.restore();
  }

  function drawOverlaps(plot) {
    clipped(plot, (ctx, box, dpr) => {
      ctx.fillStyle = colour("text");
      for (const span of data.overlaps) {
        const from = left(plot, span.start_s);
        ctx.fillRect(from, box.top + box.height - 3 * dpr, Math.max(dpr, left(plot, span.end_s) - from), 3 * dpr);
      }
    });
  }

  // --- the charts

  function axes(unit) {
    const look = { stroke: colour("quiet"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 }, font: "12px system-ui, sans-serif" };
    const times = { ...look, size: 34, values: (_, splits) => splits.map(clock), incrs: [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400], space: 60 };
    const values = { ...look, size: SIZE, values: (_, splits) => splits.map((value) => (value == null ? "" : measured(value, unit))) };
    return [times, values];
  }

  function options(height, unit, series, more = {}) {
    const stepped = uPlot.paths.stepped({ align: 1 });
    return {
      width: Math.max(240, place.clientWidth),
      height,
      legend: { show: false },
      scales: { x: { time: false, range: (_, min, max) => (min == null ? shown() : [min, max]) }, y: { range: (_, min, max) => [0, Math.max(max || 0, more.least || 1) * 1.05] }, ...more.scales },
      axes: more.axes || axes(unit),
      padding: [more.named ? 38 : 8, 8, 0, 0],
      series: [{}, ...series.map((one) => ({ paths: stepped, points: { show: false }, spanGaps: false, ...one }))],
      bands: more.bands,
      cursor: { y: false, points: { show: false }, sync: { key: "zdt", setSeries: false }, drag: { x: true, y: false, setScale: true } },
      hooks: {
        drawClear: [drawPhases],
        draw: [...(more.draw || []), drawMarks, ...(more.named ? [drawNames] : [])],
        setCursor: [pointed],
        setScale: [(plot, key) => key === "x" && zoomed(plot)],
      },
    };
  }

  /** The x values of stepped lines, and their values: the last step has an end too. */
  const steps = (...columns) => [[...data.starts, full()[1]], ...columns.map((column) => [...column, column[column.length - 1]])];

  function rates() {
    const layers = [...data.versions.map((one) => ({ name: versionColour(one.id), rate: one.rate })), { name: "failed", rate: data.failed }];
    let sums = new Array(data.count).fill(0);
    const stacked = layers.map((layer) => ({ name: layer.name, sums: (sums = sums.map((sum, at) => sum + layer.rate[at])) })).reverse();
    const series = stacked.map((one) => ({ stroke: colour(one.name), fill: colour(one.name), width: 1 }));
    return [options(230, "", series, { named: true, draw: [drawOverlaps] }), steps(...stacked.map((one) => one.sums))];
  }

  function latencies() {
    const series = [
      { stroke: colour("p99"), width: 1 },
      { stroke: colour("p50"), width: 2 },
    ];
    return [options(170, " ms", series, { bands: [{ series: [1, 2], fill: colour("band") }] }), steps(data.p99, data.p50)];
  }

  function health() {
    const series = [
      { stroke: colour("violated"), width: 1 },
      { stroke: colour("third"), width: 2, scale: "cpu" },
    ];
    const more = { scales: { cpu: { range: (_, min, max) => [0, Math.max(1, max || 0)] } }, least: 10 };
    return [options(150, " ms", series, more), steps(data.lag, data.cpu)];
  }

  /** The endpoints with the most failures, each with a lane; the others share one. */
  function lanes() {
    const counts = new Map();
    for (const group of data.failed_group) counts.set(data.groups[group].endpoint, (counts.get(data.groups[group].endpoint) || 0) + 1);
    const ranked = [...counts.keys()].sort((one, two) => counts.get(two) - counts.get(one) || (one < two ? -1 : 1));
    const own = ranked.length > LANES ? ranked.slice(0, LANES - 1) : ranked;
    const names = own.map((name) => `${name}: ${number(counts.get(name))} failed`);
    if (ranked.length > own.length) names.push(`${ranked.length - own.length} more endpoints`);
    return { names, of: (name) => (own.includes(name) ? own.indexOf(name) : own.length) };
  }

  function failures() {
    const draw = (plot) =>
      clipped(plot, (ctx, box, dpr) => {
        const height = 12 * dpr;
        const top = (lane) => box.top + (lane * LANE + LANE - 15) * dpr;
        for (const one of data.outages) {
          const y = top(rows.of(one.endpoint));
          ctx.globalAlpha = 0.25;
          ctx.fillStyle = colour("failed");
          ctx.fillRect(left(plot, one.from), y, Math.max(dpr, left(plot, one.to) - left(plot, one.from)), height);
          ctx.globalAlpha = 0.55;
          ctx.fillRect(left(plot, one.first), y, left(plot, one.last) - left(plot, one.first), height);
        }
        ctx.globalAlpha = 1;
        ctx.fillStyle = colour("failed");
        const lane = data.groups.map((group) => rows.of(group.endpoint));
        let before = -1;
        for (let row = 0; row < data.at.length; row++) {
          const x = Math.round(left(plot, data.at[row]));
          const spot = x * 100 + lane[data.failed_group[row]];
          if (spot !== before) ctx.fillRect(x, top(lane[data.failed_group[row]]) - 2 * dpr, 1.5 * dpr, height + 4 * dpr);
          before = spot;
        }
        ctx.fillStyle = colour("text");
        written(ctx, dpr);
        rows.names.forEach((name, number) => ctx.fillText(name, box.left + 4 * dpr, box.top + (number * LANE + 3) * dpr));
      });
    const height = rows.names.length * LANE + 34 + 8 + 4; // the axis, the padding
    const [times, values] = axes("");
    const blank = { ...values, values: (_, splits) => splits.map(() => ""), grid: { show: false }, ticks: { show: false } };
    return [options(height, "", [{ stroke: "transparent" }], { axes: [times, blank], draw: [draw] }), steps(data.failed.map(() => 0))];
  }

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
    const from = bucket * data.width;
    const to = Math.min(from + data.width, full()[1]);
    const phase = data.phases.find((one) => from < one.end) || data.phases[data.phases.length - 1];
    const rates = data.versions.map((one) => `${one.id || "no version"} ${number(one.rate[bucket])}/s`);
    const utc = data.began == null ? "" : `, ${new Date((data.began + from) * 1000).toISOString().slice(11, 19)} UTC`;
    const parts = [`${clock(from)} to ${clock(to)} (${phase ? phase.name : "run"}${utc}): ${rates.join(", ") || "no answers"}`];
    if (data.p50[bucket] != null) parts.push(`latency p50 ${measured(data.p50[bucket], " ms")}, p99 ${measured(data.p99[bucket], " ms")}`);
    if (data.lag[bucket] != null) parts.push(`lag ${measured(data.lag[bucket], " ms")}, CPU ${Math.round(data.cpu[bucket] * 100)} %`);
    return `${parts.join("; ")}. ${toldFailures(from, to)}${toldMarks(from, to)}`;
  }

  function toldFailures(from, to) {
    const counts = new Map();
    for (let row = first(from); row < data.at.length && data.at[row] < to; row++) {
      const group = data.groups[data.failed_group[row]];
      const text = `${group.kind} on ${group.endpoint} by ${group.version || "no version"}`;
      counts.set(text, (counts.get(text) || 0) + 1);
    }
    if (!counts.size) return "No failures.";
    const listed = [...counts].sort((one, two) => two[1] - one[1]).map(([text, count]) => `${count} × ${text}`);
    return `Failed: ${listed.slice(0, 4).join("; ")}${listed.length > 4 ? `; and ${listed.length - 4} more kinds` : ""}.`;
  }

  const toldMarks = (from, to) => data.marks.filter((mark) => mark.at >= from && mark.at < to).map((mark) => ` Mark: ${mark.name} at ${clock(mark.at)}.`).join("");

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

  function pointed(plot) {
    const at = plot.cursor.left;
    if (at == null || at < 0) return;
    const bucket = Math.min(Math.max(Math.floor(plot.posToVal(at, "x") / data.width + 1e-9), 0), data.count - 1);
    document.getElementById("readout").textContent = told(bucket);
  }

  function choose(bucket) {
    cursor = Math.min(Math.max(bucket, 0), data.count - 1);
    const middle = (cursor + 0.5) * data.width;
    const [min, max] = shown();
    if (middle < min || middle > max) zoom(middle - (max - min) / 2, middle + (max - min) / 2);
    plots[0].setCursor({ left: plots[0].valToPos(middle, "x"), top: 10 });
    document.getElementById("readout").textContent = document.getElementById("spoken").textContent = told(cursor);
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

  function nextFailure() {
    const from = cursor == null ? 0 : (cursor + 1) * data.width;
    const row = first(from) < data.at.length ? first(from) : 0;
    if (data.at.length) choose(Math.floor(data.at[row] / data.width + 1e-9));
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
    event.preventDefault();
    KEYS[event.key]();
  }

  // --- the whole

  function tools() {
    const button = (text, act, label) => {
      const made = element("button", { type: "button", ...(label ? { "aria-label": label } : {}) }, text);
      made.addEventListener("click", act);
      return made;
    };
    const spans = data.phases.map((phase, number) => button(phase.name, () => zoom(data.phases[number].start, data.phases[number].end), `zoom to the ${phase.name}`));
    return element(
      "div",
      { class: "tools", role: "group", "aria-label": "What the charts show" },
      button("all", () => zoom(...full()), "show the whole run"),
      ...spans,
      button("+", () => scaled(0.5), "zoom in"),
      button("−", () => scaled(2), "zoom out"),
      button("←", () => moved(-0.5), "earlier"),
      button("→", () => moved(0.5), "later"),
      ...(data.at.length ? [button("next failure", nextFailure)] : []),
    );
  }

  function panel(title, label, make, keys) {
    const plot = element("div", { class: "plot", tabindex: "0", role: "group", "aria-label": `${label} Arrow keys move, plus and minus zoom, 0 shows all, f goes to the next failure.` });
    const shownKeys = keys();
    place.append(element("div", { class: "chart" }, element("h3", {}, title), shownKeys, plot));
    const [settings, columns] = make();
    plots.push(new uPlot(settings, columns, plot));
    panels.push({ make, keys, shownKeys });
    plot.querySelectorAll("canvas").forEach((canvas) => canvas.setAttribute("aria-hidden", "true"));
    plot.addEventListener("keydown", pressed);
  }

  function versionKeys() {
    const versions = data.versions.map((one) => [versionColour(one.id), `${one.id || "no version"}: ${one.answers.toLocaleString("en")} good answers`]);
    const both = data.overlaps.length ? [["text", "below: both versions answered"]] : [];
    return legend([...versions, ["failed", `failed: ${data.at.length.toLocaleString("en")}`], ...both]);
  }

  function failureKeys() {
    const most = data.outages.length < data.outages_in_all ? ` Of ${data.outages_in_all.toLocaleString("en")} outages the ${data.outages.length.toLocaleString("en")} longest are drawn.` : "";
    return element("p", {}, `A line is a failure; dark is how long an outage lasted at least, light how long at most.${most}`);
  }

  const INVITATION = "Point at a chart, or choose one and use the arrow keys. Drag to zoom, double-click for all.";

  function draw() {
    plots.forEach((plot) => plot.destroy());
    [plots, panels, rows] = [[], [], lanes()];
    place.hidden = false;
    document.getElementById("chartless").hidden = true;
    const focused = [...place.querySelectorAll(".plot")].indexOf(document.activeElement);
    const text = document.getElementById("readout")?.textContent;
    place.replaceChildren(tools());
    place.append(element("p", { class: "readout", id: "readout" }, text || INVITATION));
    place.append(element("p", { class: "unseen", id: "spoken", role: "status" }));
    panel("Requests per second, by version", "Requests per second by version.", rates, versionKeys);
    if (rows.names.length) panel("Failures and outages, by endpoint", "Failures and outages by endpoint.", failures, failureKeys);
    panel("Latency of answers to virtual users", "Latency, median to 99th percentile.", latencies, () => legend([["p50", "p50 (thick) to p99 (thin)"]]));
    panel("The load generator: scheduling lag and CPU of the busiest worker", "Scheduling lag and CPU of the load generator.", health, () => legend([["violated", "lag"], ["third", "CPU, on a scale from nothing to a whole core"]]));
    zoom(...shown());
    if (focused >= 0) place.querySelectorAll(".plot")[focused]?.focus({ preventScroll: true });
  }

  /** What decides which charts, layers, lanes and buttons there are. */
  const shape = () => JSON.stringify([data.versions.map((one) => one.id), lanes().names.length, data.phases.map((one) => one.name), data.overlaps.length, data.at.length > 0]);

  /** New figures in the charts that are there: what somebody is just doing with them is left alone. */
  function redraw() {
    rows = lanes();
    panels.forEach((one, number) => {
      plots[number].setData(one.make()[1], false);
      const keys = one.keys();
      one.shownKeys.replaceWith(keys);
      one.shownKeys = keys;
    });
    plots.forEach((plot) => plot.redraw(true, true));
    zoom(...shown());
  }

  function empty() {
    document.getElementById("chartless").textContent = "No request was recorded: there is nothing to draw.";
  }

  function show(raw) {
    const before = data && plots.length ? shape() : "";
    data = prepare(raw);
    if (before && before === shape()) redraw();
    else if (data.versions.length || data.at.length) draw();
    else empty();
  }

  function refit() {
    const width = Math.max(240, root.classList.contains("printing") ? Math.min(660, place.clientWidth) : place.clientWidth);
    plots.forEach((plot) => plot.width !== width && plot.setSize({ width, height: plot.height }));
  }

  function printing(on) {
    root.classList.toggle("printing", on);
    if (on) document.querySelectorAll("details").forEach((one) => (one.open = true));
    if (data && plots.length) draw();
    refit();
  }

  // --- a run that is under way

  async function poll() {
    const status = document.getElementById("live");
    let seen = "";
    for (;;) {
      try {
        const answer = await fetch(`live.json?seen=${encodeURIComponent(seen)}`);
        const news = await answer.json();
        seen = news.version;
        for (const [name, html] of Object.entries(news.parts)) replace(name, html);
        show(news.data);
        status.textContent = news.status;
        if (news.title) document.title = news.title;
        if (news.over) return;
      } catch {
        status.textContent = "The run is over, or its server cannot be reached: this is the last that it told.";
      }
      await new Promise((done) => setTimeout(done, 1000));
    }
  }

  function replace(name, html) {
    const known = document.getElementById(name);
    const made = known || element("section", { id: name });
    const open = [...made.querySelectorAll("details")].map((one) => one.open);
    made.innerHTML = html;
    made.querySelectorAll("details").forEach((one, at) => (one.open = open[at] || false));
    if (!known) document.querySelector("main").append(made);
  }

  // --- begin

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.length && draw());
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
  new ResizeObserver(refit).observe(place.parentElement);
  unpack(document.getElementById("data").textContent).then(show).then(() => document.body.hasAttribute("data-live") && poll());
})();
