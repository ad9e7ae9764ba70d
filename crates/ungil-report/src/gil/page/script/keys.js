// The keyboard. Tab is left alone: it leads on to the tables.
const STEP = 0.15;

const KEYS = {
  ArrowLeft: (app, event) => app.view.pan(event.shiftKey ? -0.8 : -STEP, true),
  ArrowRight: (app, event) => app.view.pan(event.shiftKey ? 0.8 : STEP, true),
  "+": (app) => app.view.zoom(1.6, focusShare(app), true),
  "=": (app) => app.view.zoom(1.6, focusShare(app), true),
  "-": (app) => app.view.zoom(1 / 1.6, focusShare(app), true),
  _: (app) => app.view.zoom(1 / 1.6, focusShare(app), true),
  Home: (app) => app.view.glide(0, app.view.length),
  ArrowUp: (app) => selectRow(app, app.row - 1),
  ArrowDown: (app) => selectRow(app, app.row + 1),
  PageUp: (app) => selectRow(app, app.row - 10),
  PageDown: (app) => selectRow(app, app.row + 10),
  Enter: (app, event) => stepSlice(app, !event.shiftKey),
  f: (app) => zoomToSelected(app),
  b: (app) => blame(app),
  r: (app) => mark(app, app.view.start, app.view.end),
  "/": (app) => app.find.focus(),
  "?": (app) => app.help.showModal(),
  Escape: (app) => {
    unmark(app);
    select(app, null);
    app.hover = null;
    app.tip.hidden = true;
    app.draw();
  },
};

function listenToKeys(app) {
  app.stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act(app, event);
  });
}

// Where in the view to zoom: at the selected slice if it is in sight, else in the middle.
function focusShare(app) {
  if (!app.selected) return 0.5;
  const [start, end] = bounds(app.selected);
  const share = ((start + end) / 2 - app.view.start) / app.view.span;
  return share >= 0 && share <= 1 ? share : 0.5;
}

function selectRow(app, wanted) {
  const row = Math.min(Math.max(wanted, 0), app.rows.length - 1);
  app.row = row;
  app.layout.reveal(row);
  const { gil, thread } = app.rows[row];
  const shown = tracksOf(app.rows[row]).map((track) => track.spent(app.view.start, app.view.end) / app.view.span);
  const waited = gil ? "" : `, waited ${percent(shown[1])}`;
  const name = gil ? gil.name : thread.name;
  say(app, `${name}, row ${row + 1} of ${app.rows.length}: held ${percent(shown[0])} of what is in view${waited}.`);
  app.draw();
}

// Selects a slice, shows it and says it.
function select(app, slice) {
  app.selected = slice;
  if (!slice) {
    say(app, "");
    app.draw();
    return;
  }
  const own = app.rowOf.get(slice.thread);
  if (own !== undefined && app.row !== 0) app.row = own;
  app.layout.reveal(app.row);
  const [start, end] = bounds(slice);
  const { view } = app;
  if (end > view.end || start < view.start) {
    if (end - start > view.span) view.frame(start, end);
    else view.show((start + end - view.span) / 2, view.span);
  }
  sayTold(app, tell(app.trace, slice, app.view.span / 1000));
  app.draw();
}

function stepSlice(app, forward) {
  const row = app.rows[app.row];
  const onRow = app.selected && (row.gil || row.thread === app.selected.thread);
  const from = onRow ? bounds(app.selected)[0] : forward ? app.view.start - 1 : app.view.end;
  const next = neighbour(app.trace, row, from, forward);
  if (next) select(app, next);
  else say(app, forward ? "No later slice in this row." : "No earlier slice in this row.");
}

function zoomToSelected(app) {
  if (app.selected) app.view.frame(...bounds(app.selected));
  else if (app.marked) app.view.glide(app.marked.start, app.marked.end - app.marked.start);
  else say(app, "Nothing is selected: Enter selects a slice.");
}

function blame(app) {
  const wait = app.selected;
  const hold = wait && wait.kind === "waits" ? holdOf(app.trace, wait) : null;
  if (!hold) {
    say(app, "Select a wait first: it leads to the hold that it waited for.");
    return;
  }
  const own = app.rowOf.get(hold.thread);
  app.row = own === undefined ? 0 : own;
  select(app, hold);
}
