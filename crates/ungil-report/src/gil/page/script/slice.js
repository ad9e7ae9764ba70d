// Slices as they are pointed at: a track of a thread, "holds" or "waits", and a position in it.

// The thread's own slice, for one of a holder's row.
function ownSlice(trace, holds, at) {
  const thread = trace.threads[holds.owners[at]];
  return { thread, kind: "holds", at: thread.holds.last(holds.starts[at]) };
}

function bounds(slice) {
  const track = slice.thread[slice.kind];
  return [track.starts[slice.at], track.ends[slice.at]];
}

function same(one, other) {
  if (!one || !other) return one === other;
  return one.thread === other.thread && one.kind === other.kind && one.at === other.at;
}

// The tracks that a row shows.
function tracksOf(row) {
  return row.gil ? [row.gil.holds] : [row.thread.holds, row.thread.waits];
}

// The slice of a row at a moment, or else one within `reach` of it; null without one.
function sliceAt(trace, row, time, reach) {
  if (row.gil) {
    const { holds } = row.gil;
    const at = near(holds, time, reach);
    return at < 0 ? null : ownSlice(trace, holds, at);
  }
  const { thread } = row;
  for (const within of [0, reach]) {
    for (const kind of ["holds", "waits"]) {
      const at = near(thread[kind], time, within);
      if (at >= 0) return { thread, kind, at };
    }
  }
  return null;
}

function near(track, time, reach) {
  const exact = track.at(time);
  if (exact >= 0 || reach === 0) return exact;
  const at = track.last(time + reach);
  return at >= 0 && track.ends[at] >= time - reach ? at : -1;
}

// The slice of a row that begins next after a moment, or last before it; null without one.
function neighbour(trace, row, time, forward) {
  let best = null;
  const kinds = row.gil ? ["holds"] : ["holds", "waits"];
  tracksOf(row).forEach((track, index) => {
    let at = track.last(time);
    if (forward) at++;
    else while (at >= 0 && track.starts[at] >= time) at--;
    if (at < 0 || at >= track.length) return;
    const start = track.starts[at];
    if (best && (forward ? start >= best.start : start <= best.start)) return;
    best = { start, kind: kinds[index], at, track };
  });
  if (!best) return null;
  if (row.gil) return ownSlice(trace, best.track, best.at);
  return { thread: row.thread, kind: best.kind, at: best.at };
}

// The hold that a wait was for: the last of its holder's that began before the wait was over.
function holdOf(trace, wait) {
  const holder = wait.thread.waits.subjects[wait.at];
  if (holder === 0) return null;
  const thread = trace.threads[holder - 1];
  const [start, end] = bounds(wait);
  let at = thread.holds.last(end);
  if (at >= 0 && thread.holds.starts[at] === end) at--;
  return at >= 0 && thread.holds.ends[at] > start ? { thread, kind: "holds", at } : null;
}

// The longest wait of one thread for another, or null.
function longestWait(waiter, holder) {
  const track = waiter.waits;
  let best = -1;
  for (let at = 0; at < track.length; at++) {
    if (track.subjects[at] !== holder.at + 1) continue;
    if (best < 0 || track.busy(at) > track.busy(best)) best = at;
  }
  return best < 0 ? null : { thread: waiter, kind: "waits", at: best };
}
