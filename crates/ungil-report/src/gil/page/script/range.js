// Sums of a stretch of time, exact however many slices are in it.
const TOLD = 8;

function sums(trace, start, end) {
  const threads = trace.threads
    .map((thread) => ({
      name: thread.name,
      held: thread.holds.spent(start, end),
      waited: thread.waits.spent(start, end),
    }))
    .filter(({ held, waited }) => held > 0 || waited > 0)
    .sort((a, b) => b.held + b.waited - a.held - a.waited);
  const bySubject = new Map();
  let held = 0;
  for (const { holds } of trace.gils) {
    held += holds.spent(start, end);
    const last = holds.last(end);
    for (let at = Math.max(0, holds.last(start)); at <= last; at++) {
      const inside = Math.min(end, holds.ends[at]) - Math.max(start, holds.starts[at]);
      if (inside <= 0) continue;
      const length = holds.ends[at] - holds.starts[at];
      const subject = holds.subjects[at];
      bySubject.set(subject, (bySubject.get(subject) || 0) + (holds.busy(at) * inside) / length);
    }
  }
  const functions = [...bySubject]
    .map(([subject, spent]) => ({ name: functionPlace(trace, subject, false) || "(no Python function)", held: spent }))
    .sort((a, b) => b.held - a.held);
  return { start, end, held, waited: threads.reduce((sum, { waited }) => sum + waited, 0), threads, functions };
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function sumsTable(caption, heads, rows) {
  const table = element("table");
  table.append(element("caption", caption));
  const head = table.createTHead().insertRow();
  heads.forEach((text, at) => {
    const cell = element("th", text, at > 0 ? "number" : "");
    cell.scope = "col";
    head.append(cell);
  });
  const body = table.createTBody();
  for (const row of rows.slice(0, TOLD)) {
    const line = body.insertRow();
    row.forEach((text, at) => {
      const cell = element(at > 0 ? "td" : "th", text, at > 0 ? "number" : "");
      if (at === 0) cell.scope = "row";
      line.append(cell);
    });
  }
  if (rows.length > TOLD) {
    const line = body.insertRow();
    const cell = element("td", `and ${thousands(rows.length - TOLD)} more`, "quiet");
    cell.colSpan = heads.length;
    line.append(cell);
  }
  return table;
}

// Marks a stretch and adds it up below the picture.
function mark(app, start, end) {
  app.marked = { start, end };
  const found = sums(app.trace, start, end);
  const length = end - start;
  const share = (spent) => percent(spent / length);
  const title =
    `${duration(length)} from ${moment(start, Math.max(1, length / 100))} on: ` +
    `held ${share(found.held)}, waited ${share(found.waited)}`;
  const buttons = element("div", undefined, "group");
  const zoom = element("button", "Zoom to it");
  zoom.addEventListener("click", () => app.view.glide(start, length));
  const close = element("button", "Close");
  close.addEventListener("click", () => {
    unmark(app);
    app.stage.focus();
  });
  buttons.append(zoom, close);
  const tables = element("div", undefined, "tables");
  tables.append(
    sumsTable("Threads", ["thread", "held", "waited"], found.threads.map((thread) => [thread.name, share(thread.held), share(thread.waited)])),
    sumsTable("Functions that held it", ["function", "held"], found.functions.map((of) => [of.name, share(of.held)])),
  );
  app.range.replaceChildren(element("b", title), buttons, tables);
  app.range.hidden = false;
  app.heard.textContent = `${title}.`;
  app.draw();
}

function unmark(app) {
  if (!app.marked) return;
  app.marked = null;
  app.range.hidden = true;
  app.draw();
}
