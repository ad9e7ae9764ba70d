// What is pointed at and selected: outlines, arrows from holders to those who waited, a range.
function paintMarks(app) {
  const { context: brush, layout, view, colours, marked } = app;
  brush.save();
  brush.beginPath();
  brush.rect(layout.labels, AXIS.top, layout.plot, layout.height);
  brush.clip();
  if (marked) {
    const from = layout.x(view, marked.start);
    const to = layout.x(view, marked.end);
    brush.fillStyle = colours.shade;
    brush.fillRect(from, AXIS.top, to - from, layout.height);
    brush.fillStyle = colours.accent;
    for (const x of [from, to]) brush.fillRect(x - 0.75, AXIS.top, 1.5, layout.height);
  }
  const outlined = same(app.hover, app.selected) ? [app.selected] : [app.hover, app.selected];
  for (const slice of outlined) if (slice) outline(app, slice, slice === app.selected);
  const shown = app.hover || app.selected;
  if (shown && shown.kind === "waits") {
    const hold = holdOf(app.trace, shown);
    if (hold) arrow(app, hold, shown);
  } else if (shown) {
    for (const wait of waitsFor(app, shown)) arrow(app, shown, wait);
  }
  brush.restore();
}

// The waits of rows in sight for a hold.
function waitsFor(app, hold) {
  const [start, end] = bounds(hold);
  const found = [];
  const [first, last] = app.layout.sight();
  for (let at = first; at < last; at++) {
    const { thread } = app.rows[at];
    if (!thread || thread === hold.thread) continue;
    let slice = thread.waits.last(end);
    for (let back = 0; slice >= 0 && back < 8; slice--, back++) {
      if (thread.waits.ends[slice] <= start) break;
      if (thread.waits.subjects[slice] === hold.thread.at + 1 && thread.waits.starts[slice] < end) {
        found.push({ thread, kind: "waits", at: slice });
        break;
      }
    }
  }
  return found;
}

function outline(app, slice, selected) {
  const { context: brush, layout, view, colours } = app;
  const [start, end] = bounds(slice);
  const left = layout.x(view, start);
  const width = Math.max(4, layout.x(view, end) - left);
  for (const at of rowsOf(app, slice)) {
    const [top, height] = layout.bar(at);
    if (at > 0 && top < ROWS_TOP - 4) continue;
    for (const [colour, line] of [[colours.ground, selected ? 5 : 3], [colours.ink, selected ? 2.5 : 1.25]]) {
      brush.strokeStyle = colour;
      brush.lineWidth = line;
      brush.strokeRect(left, top, width, height);
    }
  }
}

// Where a slice is drawn: on its thread's row, and a hold on the row of its GIL, too.
function rowsOf(app, slice) {
  const own = app.rowOf.get(slice.thread);
  const rows = own === undefined ? [] : [own];
  const [start] = bounds(slice);
  for (let row = 0; slice.kind === "holds" && app.rows[row].gil; row++) {
    const { holds } = app.rows[row].gil;
    const at = holds.at(start);
    if (at >= 0 && holds.owners[at] === slice.thread.at) rows.push(row);
    if (row + 1 === app.rows.length) break;
  }
  return rows;
}

// From the end of a hold to the end of a wait for it.
function arrow(app, hold, wait) {
  const { context: brush, layout, view, colours } = app;
  const middle = (slice) => {
    const at = app.rowOf.get(slice.thread);
    const [top, height] = at === undefined ? layout.bar(0) : layout.bar(at);
    return Math.min(Math.max(top + height / 2, HOLDER.top + HOLDER.height / 2), layout.height + 20);
  };
  const from = { x: layout.x(view, bounds(hold)[1]), y: middle(hold) };
  const to = { x: layout.x(view, bounds(wait)[1]), y: middle(wait) };
  const bend = Math.max(26, Math.abs(to.x - from.x) / 2);
  const head = (reach) => {
    brush.beginPath();
    brush.moveTo(to.x + reach, to.y);
    brush.lineTo(to.x + 9 + reach, to.y - 5 - reach);
    brush.lineTo(to.x + 9 + reach, to.y + 5 + reach);
    brush.closePath();
    brush.fill();
  };
  for (const [colour, line] of [[colours.ground, 5], [colours.ink, 2]]) {
    brush.strokeStyle = brush.fillStyle = colour;
    brush.lineWidth = line;
    brush.beginPath();
    brush.moveTo(from.x, from.y);
    brush.bezierCurveTo(from.x + bend, from.y, to.x + bend, to.y, to.x + 8, to.y);
    brush.stroke();
    head(line === 5 ? 1.5 : 0);
  }
}
