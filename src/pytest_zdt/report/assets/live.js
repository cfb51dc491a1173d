"use strict";
// A run that is under way: asks its server for news every second, and shows them without disturbing who reads.
// Where nobody answers it asks ever more rarely, and says that it is out of date.

const page = Math.random().toString(36).slice(2); // so that the server knows which of its readers have learned of the end
const applied = new Map(); // the parts as they stand on the page, by their ids
let waiting = {}; // the newest parts
const FAILED = 3; // looks after which the page is called out of date
const PATIENCE = 20000; // milliseconds that an answer may take

/** Milliseconds to the next look, after so many that failed. */
const pause = (failed) => 1000 * Math.min(30, 2 ** Math.max(0, failed - 2));

async function poll(run) {
  const status = document.getElementById("live");
  let [seen, failed] = ["", 0];
  for (;;) {
    try {
      const answer = await fetch(`live.json?page=${page}&seen=${encodeURIComponent(seen)}`, { signal: AbortSignal.timeout(PATIENCE) });
      const news = await answer.json();
      if (news.run !== run) return location.reload(); // another run has begun where this one was
      seen = news.version;
      if (Object.keys(news.parts).length) waiting = news.parts;
      failed = 0;
      document.getElementById("stale")?.remove();
      arrange(news.over);
      show(news.data);
      status.textContent = news.status;
      announce(news.title);
      if (news.over) return;
    } catch {
      status.textContent = "The run is over, or its server cannot be reached: this is the last that it told.";
      if (++failed >= FAILED) stale(status);
    }
    await new Promise((done) => setTimeout(done, pause(failed)));
  }
}

/** Says that the page is not of now, and where the finished one is. */
function stale(status) {
  status.textContent = `Out of date: the run is over, or its server cannot be reached. Once it is over its page is ${document.body.dataset.report} where it ran.`;
  if (document.getElementById("stale")) return;
  document.querySelector("h1").prepend(element("span", { id: "stale" }, "OUT OF DATE, it was: "));
  document.title = `out of date: ${document.title}`;
  document.getElementById("announced").textContent = status.textContent;
}

/** A screen reader speaks of a change of the verdict, not of every second. */
function announce(title) {
  if (document.title !== title) document.getElementById("announced").textContent = document.title = title;
}

/** The parts in their order, new ones among them; what somebody reads or marks is left as it is until they have done so. */
function arrange(over) {
  if (!Object.keys(waiting).length) return;
  let before = null;
  for (const [name, html] of Object.entries(waiting)) {
    let section = document.getElementById(name);
    if (!section) (before || document.getElementById("timeline")).after((section = element("section", { id: name })));
    if (applied.get(name) !== html && (over || !busy(section))) {
      fill(section, html);
      applied.set(name, html);
    }
    if (!["verdict", "contents"].includes(name)) before = section;
  }
  document.querySelectorAll("main > section").forEach((one) => one.id === "timeline" || one.id in waiting || one.remove());
}

function busy(section) {
  const chosen = getSelection();
  const marked = chosen.rangeCount && !chosen.isCollapsed && chosen.getRangeAt(0).intersectsNode(section);
  return marked || section.contains(document.activeElement);
}

function fill(section, html) {
  const open = [...section.querySelectorAll("details")].map((one) => one.open);
  section.innerHTML = html;
  section.querySelectorAll("details").forEach((one, at) => (one.open = open[at] || false));
}
