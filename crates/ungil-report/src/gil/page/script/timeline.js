// Puts it together, and draws when something has changed.
{
  const get = (id) => document.getElementById(id);
  const section = get("timeline");
  const trace = decode(JSON.parse(get("trace-about").textContent), get("trace-slices").textContent);
  const app = {
    trace,
    stage: get("stage"),
    canvas: get("picture"),
    find: get("find"),
    tip: get("tip"),
    told: get("told"),
    heard: get("heard"),
    range: get("range"),
    help: get("keys"),
    raster: new Raster(),
    row: 0,
    hover: null,
    selected: null,
    marked: null,
  };
  app.context = app.canvas.getContext("2d", { alpha: false });
  app.layout = new Layout(app.stage, get("space"), app.canvas);
  let asked = false;
  // However much changes: once per frame.
  app.draw = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      const start = performance.now();
      paint(app);
      performance.clearMeasures("ungil-frame");
      performance.measure("ungil-frame", { start });
    });
  };
  app.view = new View(trace.duration, () => {
    tellView();
    list.moved();
    app.draw();
  });

  const lengthOf = ({ holds, waits }) => holds.length + waits.length;
  const slices = trace.threads.reduce((sum, thread) => sum + lengthOf(thread), 0);
  function tellView() {
    const { view } = app;
    const step = view.span / 1000;
    get("span").textContent = view.isAll
      ? `all ${duration(view.length)}`
      : `${duration(view.span)} from ${moment(view.start, step)} on`;
    // For programs that look at the page.
    Object.assign(app.stage.dataset, { start: view.start, span: view.span, rows: app.rows.length, slices });
  }

  const list = new Rows(app, (rows) => {
    app.rows = rows;
    app.rowOf = new Map(rows.map((row, at) => [row.thread, at]));
    app.row = Math.min(app.row, rows.length - 1);
    measure();
    tellView();
  });
  function measure() {
    app.layout.measure(app.rows.length);
    app.draw();
  }

  const buttons = {
    in: () => app.view.zoom(1.6, focusShare(app), true),
    out: () => app.view.zoom(1 / 1.6, focusShare(app), true),
    fit: () => app.view.glide(0, app.view.length),
    help: () => app.help.showModal(),
  };
  for (const button of section.querySelectorAll("[data-do]")) {
    button.addEventListener("click", buttons[button.dataset.do]);
  }

  // From the tables into the picture.
  function link(cell, label, act) {
    const button = element("button", cell.textContent, "link");
    button.title = label;
    button.addEventListener("click", () => {
      list.forget();
      section.scrollIntoView({ block: "nearest" });
      app.stage.focus({ preventScroll: true });
      act();
    });
    cell.replaceChildren(button);
  }
  for (const row of document.querySelectorAll("tr[data-thread]")) {
    const thread = trace.threads[row.dataset.thread];
    link(row.cells[0], "Show in the timeline", () => selectRow(app, app.rowOf.get(thread)));
  }
  for (const row of document.querySelectorAll("tr[data-waiter]")) {
    const [waiter, holder] = [row.dataset.waiter, row.dataset.holder].map((at) => trace.threads[at]);
    link(row.cells[0], "Show the longest of these waits", () => {
      const wait = longestWait(waiter, holder);
      if (!wait) return;
      app.row = app.rowOf.get(waiter);
      select(app, wait);
      app.view.frame(...bounds(wait));
    });
  }

  // A trace without single holds and waits has figures only.
  section.hidden = slices === 0;
  app.colours = colours();
  list.show();
  onTheme.push(() => {
    app.colours = colours();
    paint(app);
  });
  app.stage.addEventListener("scroll", app.draw, { passive: true });
  new ResizeObserver(measure).observe(app.stage);
  addEventListener("resize", measure);
  listenToKeys(app);
  listenToPointer(app);
  paint(app);
  performance.mark("ungil-interactive");
}
