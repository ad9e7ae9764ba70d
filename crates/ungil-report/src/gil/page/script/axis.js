// Marks of time: 1, 2 or 5 of a power of ten, with room for their words.
function ticks(view, room) {
  const least = view.span / Math.max(1, Math.floor(room / 92));
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least) || power * 10;
  const marks = [];
  for (let mark = Math.ceil(view.start / step) * step; mark <= view.end; mark += step) marks.push(mark);
  return { step, marks };
}

function paintAxis(app) {
  const { context: brush, layout, view, colours } = app;
  const { step, marks } = ticks(view, layout.plot);
  brush.font = "11px system-ui, sans-serif";
  brush.textBaseline = "middle";
  brush.textAlign = "left";
  for (const mark of marks) {
    const x = layout.x(view, mark);
    brush.fillStyle = colours.line;
    brush.fillRect(x, AXIS.top + 2, 1, AXIS.height - 2);
    const words = moment(mark, step);
    if (x + brush.measureText(words).width + 6 > layout.width) continue;
    brush.fillStyle = colours.quiet;
    brush.fillText(words, x + 4, AXIS.top + AXIS.height / 2);
  }
}

// The strip of the whole trace, with what is in view.
function paintWindow(app) {
  const { context: brush, layout, view, colours } = app;
  const left = layout.labels + (view.start / view.length) * layout.plot;
  const width = Math.max(3, (view.span / view.length) * layout.plot);
  const { top, height } = STRIP;
  brush.fillStyle = colours.ground;
  brush.globalAlpha = 0.62;
  brush.fillRect(layout.labels, top, left - layout.labels, height);
  brush.fillRect(left + width, top, layout.width - left - width, height);
  brush.globalAlpha = 1;
  brush.strokeStyle = colours.accent;
  brush.lineWidth = 1.5;
  brush.strokeRect(left + 0.75, top - 1.5, width - 1.5, height + 3);
}
