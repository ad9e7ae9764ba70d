// Slices in words: beside the pointer, and below the picture for what is selected.
function functionName(trace, subject) {
  if (subject === 1) return "several functions";
  return subject > 1 && trace.functions[subject - 2] ? trace.functions[subject - 2].name : null;
}

function functionPlace(trace, subject, whole = true) {
  const known = subject > 1 ? trace.functions[subject - 2] : null;
  if (!known) return functionName(trace, subject);
  const file = whole ? known.file : known.file.split("/").pop();
  return `${known.name} (${file}:${known.line})`;
}

// A title, and lines that say more.
function tell(trace, slice, step) {
  const track = slice.thread[slice.kind];
  const { at } = slice;
  const [start, end] = bounds(slice);
  const length = end - start;
  const when = `from ${moment(start, Math.max(1, step))} on, for ${duration(length)}`;
  const lines = [when];
  const count = track.count(at);
  const held = slice.kind === "holds";
  if (count > 1) {
    lines.push(`${thousands(count)} short ${held ? "holds" : "waits"} drawn as one: ${duration(track.busy(at))} of it`);
  }
  if (held) {
    const place = functionPlace(trace, track.subjects[at]);
    lines.unshift(place ? `in ${place}` : "in no Python function");
    if (count === 0) lines.push("a part of a longer hold; the function was sampled");
    return { title: `${slice.thread.name} held the GIL ${duration(track.busy(at))}`, lines };
  }
  const holder = track.subjects[at] > 0 ? trace.threads[track.subjects[at] - 1] : null;
  const hold = holdOf(trace, slice);
  const place = hold && functionPlace(trace, hold.thread.holds.subjects[hold.at]);
  if (place) lines.unshift(`which held it in ${place}`);
  const whom = holder ? ` for ${holder.name}` : " for the GIL";
  return { title: `${slice.thread.name} waited ${duration(track.busy(at))}${whom}`, lines };
}

// A stretch of a row that has more slices than can be pointed at.
function tellCrowd(trace, row, start, end) {
  const length = end - start;
  const parts = tracksOf(row).map((track, index) => {
    const count = Math.max(0, track.last(end) - track.last(start));
    const what = index === 0 ? "held" : "waited";
    return `${what} ${percent(track.spent(start, end) / length)} of it in ${thousands(count)}`;
  });
  const name = row.gil ? row.gil.name : row.thread.name;
  return { title: `${name}: ${duration(length)} from ${moment(start, length)} on`, lines: [...parts, "zoom in for single ones"] };
}

function showTip(app, told, x, y) {
  const { tip } = app;
  const title = document.createElement("b");
  title.textContent = told.title;
  const lines = told.lines.map((line) => {
    const span = document.createElement("span");
    span.textContent = line;
    return span;
  });
  tip.replaceChildren(title, ...lines);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth ? x - box.width - 12 : x + 16;
  const top = y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18;
  tip.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
}

// Says it below the picture, and to a screen reader.
function say(app, text) {
  app.told.textContent = text;
  app.heard.textContent = text;
}

function sayTold(app, told) {
  say(app, `${told.title}, ${told.lines.join("; ")}.`);
}
