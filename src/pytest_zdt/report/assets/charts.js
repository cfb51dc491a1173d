"use strict";
// The charts themselves: what is drawn where.

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
  line(data.phases.map((phase) => [phase.label, phase.start, phase.end]), 34);
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
    scales: { x: { time: false, range: (_, min, max) => (min == null ? shown() : [min, max]) }, y: { range: (_, min, max) => [0, Math.max(max || 0, more.least || 0) * 1.05 || 1] }, ...more.scales },
    axes: more.axes || axes(unit),
    padding: [more.named ? 38 : 8, 32, 0, 0],
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
  const series = stacked.map((one) => ({ stroke: colour("page"), fill: one.name === "failed" ? hatched : colour(one.name), width: 1 }));
  return [options(230, "", series, { named: true, draw: [drawOverlaps] }), steps(...stacked.map((one) => one.sums))];
}

/** The colour of failures with stripes, so that they are told from the versions without colours too. */
function hatched(plot) {
  const tile = new OffscreenCanvas(8, 8);
  const ctx = tile.getContext("2d");
  ctx.fillStyle = colour("failed");
  ctx.fillRect(0, 0, 8, 8);
  ctx.strokeStyle = colour("page");
  ctx.globalAlpha = 0.45;
  ctx.lineWidth = 1.5;
  for (const start of [-8, 0, 8]) {
    ctx.beginPath();
    ctx.moveTo(start, 8);
    ctx.lineTo(start + 8, 0);
    ctx.stroke();
  }
  return plot.ctx.createPattern(tile, "repeat");
}

function latencies() {
  const series = [
    { stroke: colour("p99"), width: 1 },
    { stroke: colour("p50"), width: 2 },
  ];
  return [options(170, " ms", series, { bands: [{ series: [1, 2], fill: colour("band") }] }), steps(data.p99, data.p50)];
}

const lags = () => [options(130, " ms", [{ stroke: colour("unnamed"), width: 2 }], { least: 10 }), steps(data.lag)];

const cpus = () => [options(130, " %", [{ stroke: colour("third"), width: 2 }], { least: 100 }), steps(data.cpu.map((share) => share && share * 100))];

/** The endpoints with the most failures, each with a lane; the others share one. */
function lanes() {
  const counts = new Map();
  for (const group of data.groups) counts.set(group.endpoint, (counts.get(group.endpoint) || 0) + group.count);
  const ranked = [...counts.keys()].sort((one, two) => counts.get(two) - counts.get(one) || (one < two ? -1 : 1));
  const own = ranked.length > LANES ? ranked.slice(0, LANES - 1) : ranked;
  const names = own.map((name) => `${number(counts.get(name))} failed: ${isolated(name)}`);
  const rest = ranked.slice(own.length);
  if (rest.length) names.push(`${number(rest.reduce((sum, name) => sum + counts.get(name), 0))} failed: ${rest.length} more endpoints`);
  return { names, of: (name) => (own.includes(name) ? own.indexOf(name) : own.length) };
}

/** Pairs of times without those that lie in another. */
function joined(pairs) {
  const found = [];
  for (const [start, end] of pairs.sort((one, two) => one[0] - two[0])) {
    const last = found[found.length - 1];
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else found.push([start, end]);
  }
  return found;
}

function failures() {
  const draw = (plot) =>
    clipped(plot, (ctx, box, dpr) => {
      const height = 12 * dpr;
      const top = (lane) => box.top + (lane * LANE + LANE - 15) * dpr;
      ctx.fillStyle = colour("failed");
      rows.names.forEach((_, lane) => {
        const own = data.outages.filter((one) => rows.of(one.endpoint) === lane);
        for (const [alpha, pairs] of [[0.25, own.map((one) => [one.from, one.to])], [0.55, own.map((one) => [one.first, one.last])]]) {
          ctx.globalAlpha = alpha;
          for (const [start, end] of joined(pairs)) ctx.fillRect(left(plot, start), top(lane), Math.max(dpr, left(plot, end) - left(plot, start)), height);
        }
      });
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
