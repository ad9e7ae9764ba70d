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

  // The rows: who held, busiest GIL first, then threads, longest holder first.
  const spent = (gil) => gil.holds.spent(0, trace.duration);
  const gils = [...trace.gils].sort((a, b) => spent(b) - spent(a)).map((gil) => ({ gil }));
  const all = [...gils, ...trace.threads.map((thread) => ({ thread }))];
  function show(rows) {
    app.rows = rows;
    app.rowOf = new Map(rows.map((row, at) => [row.thread, at]));
    app.row = Math.min(app.row, rows.length - 1);
    measure();
    tellView();
  }
  function measure() {
    app.layout.measure(app.rows.length);
    app.draw();
  }

  // Threads of this name, and those that held the GIL in a function of this name.
  function search() {
    const wanted = app.find.value.trim().toLowerCase();
    const has = (text) => text.toLowerCase().includes(wanted);
    const subjects = new Set();
    trace.functions.forEach((known, at) => known && has(known.name) && subjects.add(at + 2));
    const runs = ({ holds }) => subjects.size > 0 && holds.subjects.some((subject) => subjects.has(subject));
    const found = all.filter((row) => row.gil || !wanted || has(row.thread.name) || runs(row.thread));
    show(found);
    app.stage.scrollTop = 0;
    const count = found.length - gils.length;
    say(app, wanted ? `${thousands(count)} of ${thousands(trace.threads.length)} threads.` : "");
  }
  let typing;
  app.find.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(search, 80);
  });
  app.find.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "Escape") {
      if (event.key === "Escape") app.find.value = "";
      search();
      app.stage.focus();
      event.preventDefault();
    }
  });

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
      if (app.find.value) {
        app.find.value = "";
        search();
      }
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

  section.hidden = false;
  app.colours = colours();
  show(all);
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
