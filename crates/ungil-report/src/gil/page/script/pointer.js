// Mouse, pen and fingers.
const CLICK = 4; // pixels that a click may wander

function listenToPointer(app) {
  const { canvas, layout, view, stage } = app;
  const fingers = new Map();
  let drag = null;
  let pinched = 0;
  let pageScrolled = -1e9;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return layout.hit(event.clientX - box.left, event.clientY - box.top);
  };
  const time = (share) => view.start + Math.min(Math.max(share, 0), 1) * view.span;

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.focus({ preventScroll: true });
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) {
      drag = null;
      pinched = apart(fingers);
      return;
    }
    const at = place(event);
    if (at.area === "none") return;
    const kind = at.area === "strip" ? "strip" : event.shiftKey || at.area === "axis" ? "range" : "move";
    drag = { kind, at, x: event.clientX, y: event.clientY, start: view.start, scrolled: stage.scrollTop, far: false };
    canvas.setPointerCapture(event.pointerId);
  });

  canvas.addEventListener("pointermove", (event) => {
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event);
    if (fingers.size === 2) {
      const now = apart(fingers);
      const box = canvas.getBoundingClientRect();
      const xs = [...fingers.values()].map((finger) => finger.clientX);
      view.zoom(now / pinched, ((xs[0] + xs[1]) / 2 - box.left - layout.labels) / layout.plot);
      pinched = now;
      return;
    }
    if (drag) dragTo(event);
    else point(event);
  });

  function dragTo(event) {
    const moved = event.clientX - drag.x;
    if (!drag.far && Math.hypot(moved, event.clientY - drag.y) < CLICK) return;
    drag.far = true;
    app.tip.hidden = true;
    const now = place(event).share;
    if (drag.kind === "strip") {
      const [from, to] = [drag.at.share, Math.min(Math.max(now, 0), 1)].sort((a, b) => a - b);
      view.show(from * view.length, (to - from) * view.length);
    } else if (drag.kind === "range") {
      const [start, end] = [time(drag.at.share), time(now)].sort((a, b) => a - b);
      if (end > start) {
        app.marked = { start, end };
        app.draw();
      }
    } else if (drag.at.area === "plot") {
      canvas.classList.add("dragging");
      view.show(drag.start - (moved / layout.plot) * view.span, view.span);
      if (event.pointerType === "mouse") stage.scrollTop = drag.scrolled - (event.clientY - drag.y);
    }
  }

  const end = (event) => {
    fingers.delete(event.pointerId);
    canvas.classList.remove("dragging");
    if (!drag) return;
    const done = drag;
    drag = null;
    if (event.type === "pointercancel") return;
    if (done.far) {
      if (done.kind === "range" && app.marked) mark(app, app.marked.start, app.marked.end);
      return;
    }
    if (done.kind === "strip") view.glide(done.at.share * view.length - view.span / 2, view.span);
    else if (done.at.row === -1 || done.at.area === "axis") select(app, null);
    else click(done.at);
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);

  function click(at) {
    selectRow(app, at.row);
    if (at.area !== "plot") return;
    const slice = sliceUnder(app, at);
    if (!same(slice, app.selected)) select(app, slice);
  }

  // What the pointer rests on.
  function point(event) {
    const at = place(event);
    const row = at.area === "plot" && at.row >= 0 ? app.rows[at.row] : null;
    const slice = row ? sliceUnder(app, at) : null;
    canvas.classList.toggle("marking", at.area === "axis" || (row !== null && event.shiftKey));
    if (!same(slice, app.hover)) {
      app.hover = slice;
      app.draw();
    }
    const told = slice ? tell(app.trace, slice, view.span / 1000) : row ? crowdUnder(app, at) : labelUnder(app, at);
    if (told) showTip(app, told, event.clientX, event.clientY);
    else app.tip.hidden = true;
  }

  canvas.addEventListener("pointerleave", () => {
    app.tip.hidden = true;
    if (app.hover) {
      app.hover = null;
      app.draw();
    }
  });
  canvas.addEventListener("dblclick", (event) => {
    const at = place(event);
    const slice = at.area === "plot" && at.row >= 0 ? sliceUnder(app, at) : null;
    if (slice) view.frame(...bounds(slice));
    else if (at.area === "plot") view.zoom(3, at.share, true);
    else if (at.area === "strip") view.glide(0, view.length);
  });

  addEventListener("scroll", () => (pageScrolled = performance.now()), { passive: true });
  canvas.addEventListener(
    "wheel",
    (event) => {
      const at = place(event);
      // A page that is being scrolled scrolls on over the picture; names scroll.
      if (at.area === "label" || at.area === "none" || performance.now() - pageScrolled < 200) return;
      const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
      const [across, down] = [event.deltaX * unit, event.deltaY * unit];
      if (Math.abs(across) > Math.abs(down)) {
        view.pan(across / layout.plot);
      } else {
        // With all in view, there is nothing to zoom out to: the page may have it.
        if (down > 0 && view.isAll) return;
        const share = at.area === "strip" ? 0.5 : at.share;
        view.zoom(Math.exp(-down * (event.ctrlKey ? 0.01 : 0.002)), share);
      }
      event.preventDefault();
      point(event);
    },
    { passive: false },
  );
}

function apart(fingers) {
  const [one, other] = fingers.values();
  return Math.max(10, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
}

// A pixel and a half: what a pointer can hit.
function reachOf(app) {
  return (app.view.span / app.layout.plot) * 1.5;
}

// The slice under the pointer, unless too many are.
function sliceUnder(app, at) {
  const row = app.rows[at.row];
  const time = app.view.start + at.share * app.view.span;
  const reach = reachOf(app);
  const crowd = tracksOf(row).reduce((sum, track) => sum + track.last(time + reach) - track.last(time - reach), 0);
  const slice = sliceAt(app.trace, row, time, reach);
  if (!slice || crowd <= 2) return slice;
  const [start, end] = bounds(slice);
  return end - start > reach ? slice : null;
}

function crowdUnder(app, at) {
  const time = app.view.start + at.share * app.view.span;
  const reach = reachOf(app);
  const row = app.rows[at.row];
  const some = tracksOf(row).some((track) => track.spent(time - reach, time + reach) > 0);
  return some ? tellCrowd(app.trace, row, Math.max(0, time - reach), time + reach) : null;
}

function labelUnder(app, at) {
  if (at.area !== "label" || at.row < 0) return null;
  const { gil, thread } = app.rows[at.row];
  if (gil) return { title: gil.name, lines: ["who had the GIL: each column shows the threads' shares of its time"] };
  const { duration: all } = app.trace;
  const lines = [
    `thread ${thread.tid}`,
    `held ${percent(thread.held / all)} in ${thousands(thread.holds.length)} slices`,
    `waited ${percent(thread.waited / all)} in ${thousands(thread.waits.length)} slices`,
  ];
  return { title: thread.name, lines };
}
