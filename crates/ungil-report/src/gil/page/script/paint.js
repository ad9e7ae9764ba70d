// One frame of the picture: pixels first, then lines and words over them.
function paint(app) {
  const { layout, raster, view, colours, context, rows } = app;
  const { scale } = layout;
  const device = (length) => Math.round(length * scale);
  raster.resize(app.canvas.width, app.canvas.height);
  raster.pixels.fill(colours.pixel.ground);
  const stack = (layers, over, top, height) => {
    const y = device(top);
    raster.stack(layers, over, device(layout.labels), y, raster.width - device(layout.labels), device(top + height) - y);
  };
  const grid = ticks(view, layout.plot).marks.map((mark) => device(layout.x(view, mark)));
  const [first, end] = layout.sight();
  const drawRow = (at) => {
    const [top, height] = layout.bar(at);
    const ground = at === app.row ? colours.pixel.selected : colours.pixel.row;
    const y = device(top);
    raster.fill(0, y, raster.width, device(top + height) - y, ground);
    for (const x of grid) raster.fill(x, y, Math.round(scale), device(top + height) - y, colours.pixel.line);
    stack(layersOf(rows[at], colours), view, top, height);
  };
  for (let at = first; at < end; at++) drawRow(at);
  raster.fill(0, 0, raster.width, device(ROWS_TOP - 2), colours.pixel.ground);
  if (rows.length > 0) {
    drawRow(0);
    const whole = { start: 0, span: view.length };
    raster.fill(device(layout.labels), device(STRIP.top), raster.width, device(STRIP.height), colours.pixel.row);
    stack(layersOf(rows[0], colours), whole, STRIP.top, STRIP.height);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.putImageData(raster.image, 0, 0);
  context.setTransform(scale, 0, 0, scale, 0, 0);

  context.save();
  context.beginPath();
  context.rect(0, ROWS_TOP, layout.width, layout.height);
  context.clip();
  for (let at = first; at < end; at++) paintRow(app, at);
  context.restore();
  if (rows.length > 0) paintRow(app, 0);
  paintAxis(app);
  paintWindow(app);
  paintMarks(app);
  words(context, "whole trace", 10, STRIP.top + STRIP.height / 2, layout.labels - 16, colours.quiet, 11);
}

function layersOf(row, colours) {
  const { pixel } = colours;
  if (row.gil) return row.gil.colours.map((track, at) => [track, pixel.threads[at]]);
  return [
    [row.thread.holds, pixel.threads[row.thread.colour]],
    [row.thread.waits, pixel.waited, pixel.hatch],
  ];
}

// More slices than this in a row are too small for lines and words.
const READABLE = 300;

function paintRow(app, at) {
  const { layout, view, colours, context: brush, rows, trace } = app;
  const row = rows[at];
  const [top, height] = layout.bar(at);
  brush.save();
  brush.beginPath();
  brush.rect(layout.labels, top, layout.plot, height);
  brush.clip();
  tracksOf(row).forEach((track, index) => {
    const from = Math.max(0, track.last(view.start));
    const to = track.last(view.end);
    if (to - from > READABLE) return;
    for (let slice = from; slice <= to; slice++) {
      const x = layout.x(view, track.starts[slice]);
      const right = layout.x(view, track.ends[slice]);
      if (right - x < 3) continue;
      brush.globalAlpha = 0.75;
      brush.fillStyle = colours.ground;
      if (x >= layout.labels) brush.fillRect(x, top, 1, height);
      brush.globalAlpha = 1;
      const begin = Math.max(x, layout.labels) + 6;
      const room = Math.min(right, layout.width) - begin - 4;
      if (room < 26) continue;
      const said = sliceWords(trace, row, index, track, slice);
      if (said && index === 0) words(brush, said, begin, top + height / 2, room, colours.onFill, 12);
      else if (said) tag(brush, said, begin, top + height / 2, room, colours);
    }
  });
  brush.restore();
  paintLabel(app, row, at, top, height);
}

function sliceWords(trace, row, index, track, at) {
  if (row.gil) return trace.threads[track.owners[at]].name;
  const subject = track.subjects[at];
  if (index === 1) return subject > 0 ? `for ${trace.threads[subject - 1].name}` : "waiting";
  return functionName(trace, subject) || "";
}

function paintLabel(app, row, at, top, height) {
  const { layout, colours, context: brush, trace } = app;
  const room = layout.labels - 24;
  const x = 16;
  if (row.thread) {
    brush.fillStyle = colours.threads[row.thread.colour];
    brush.fillRect(5, top + 4, 4, height - 8);
  }
  const name = row.thread ? row.thread.name : row.gil.name;
  const held = row.thread ? row.thread.held : row.gil.holds.spent(0, trace.duration);
  let share = `${percent(held / trace.duration)} held`;
  if (row.thread && layout.labels >= 170) share += `, ${percent(row.thread.waited / trace.duration)} waited`;
  words(brush, name, x, top + height / 2 - 6, room, colours.ink, 12, at === app.row ? 600 : 500, 3);
  words(brush, share, x, top + height / 2 + 7.5, room, colours.quiet, 10.5);
}

// Words in a line of limited length, cut where they do not fit; none where too few would be left.
function words(brush, text, x, y, room, colour, size, weight = 500, tail = 0) {
  setFont(brush, size, weight);
  brush.fillStyle = colour;
  brush.fillText(cut(brush, text, room, 4, tail), x, y);
}

function setFont(brush, size, weight) {
  brush.font = `${weight} ${size}px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
  brush.textBaseline = "middle";
  brush.textAlign = "left";
}

// With a `tail`, so many characters at the end stay: names often differ there.
function cut(brush, text, room, least = 4, tail = 0) {
  const width = brush.measureText(text).width;
  if (width <= room) return text;
  const end = tail > 0 ? text.slice(-tail) : "";
  const shown = (kept) => `${text.slice(0, kept)}…${end}`;
  let kept = Math.floor((text.length * room) / width) - tail;
  while (kept >= least && brush.measureText(shown(kept)).width > room) kept--;
  return kept >= least ? shown(kept) : "";
}

// Words on a ground of their own, for what is hatched.
function tag(brush, text, x, y, room, colours) {
  setFont(brush, 12, 500);
  const shown = cut(brush, text, room - 8, 7);
  if (!shown) return;
  brush.globalAlpha = 0.86;
  brush.fillStyle = colours.ground;
  brush.beginPath();
  brush.roundRect(x - 2, y - 9, brush.measureText(shown).width + 8, 18, 4);
  brush.fill();
  brush.globalAlpha = 1;
  brush.fillStyle = colours.ink;
  brush.fillText(shown, x + 2, y);
}
