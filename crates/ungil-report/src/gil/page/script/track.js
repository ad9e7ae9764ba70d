// Slices in the order of their starts. With sums of what came before each, the time that was spent in
// slices during any stretch takes two searches: that is the whole level of detail.
class Track {
  constructor(length) {
    this.length = length;
    this.starts = new Float64Array(length);
    this.ends = new Float64Array(length);
    // The function of a hold, the holder (+ 1) of a wait.
    this.subjects = new Uint32Array(length);
    this.sums = new Float64Array(length + 1);
    // Slices that stand for several or for a part: how many, and their time.
    this.merged = new Map();
  }

  // Fills in the sums, once all slices are there.
  finish() {
    const { starts, ends, sums, merged } = this;
    for (let at = 0; at < this.length; at++) sums[at + 1] = sums[at] + (ends[at] - starts[at]);
    if (merged.size > 0) {
      for (let at = 0; at < this.length; at++) sums[at + 1] = sums[at] + this.busy(at);
    }
    return this;
  }

  busy(at) {
    const merged = this.merged.get(at);
    return merged ? merged.busy : this.ends[at] - this.starts[at];
  }

  count(at) {
    const merged = this.merged.get(at);
    return merged ? merged.count : 1;
  }

  // The last slice that began at `time` or before, or -1; quick if it is soon after slice `from`.
  last(time, from = -1) {
    const { starts, length } = this;
    let low = from >= 0 && from < length && starts[from] <= time ? from : -1;
    let step = 1;
    while (low + step < length && starts[low + step] <= time) {
      low += step;
      step *= 2;
    }
    let high = Math.min(low + step, length);
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= time) low = middle;
      else high = middle;
    }
    return low;
  }

  // The slice that this moment is in, or -1.
  at(time) {
    const at = this.last(time);
    return at >= 0 && this.ends[at] > time ? at : -1;
  }

  // Time spent in slices before a moment, where `last` is the slice that began last.
  before(time, last) {
    if (last < 0) return 0;
    const length = this.ends[last] - this.starts[last];
    const inside = time - this.starts[last];
    if (inside >= length) return this.sums[last + 1];
    return this.sums[last] + (this.sums[last + 1] - this.sums[last]) * (inside / length);
  }

  // Time spent in slices between two moments.
  spent(start, end) {
    const first = this.last(start);
    return this.before(end, this.last(end, first)) - this.before(start, first);
  }

  // The share of each of `columns` equal stretches from `start` on that was spent in slices.
  shares(start, step, columns, into) {
    let last = this.last(start);
    let sum = this.before(start, last);
    for (let column = 0; column < columns; column++) {
      const end = start + (column + 1) * step;
      last = this.last(end, last);
      const next = this.before(end, last);
      into[column] = (next - sum) / step;
      sum = next;
    }
  }
}

// A track for each key, of the slices that have it; `owners` go along where the track has them.
function split(track, keys, count) {
  const sizes = new Uint32Array(count);
  for (let at = 0; at < track.length; at++) sizes[keys(at)]++;
  const tracks = Array.from(sizes, (size) => new Track(size));
  const filled = new Uint32Array(count);
  for (const part of tracks) if (track.owners) part.owners = new Uint32Array(part.length);
  for (let at = 0; at < track.length; at++) {
    const key = keys(at);
    const part = tracks[key];
    const to = filled[key]++;
    part.starts[to] = track.starts[at];
    part.ends[to] = track.ends[at];
    part.subjects[to] = track.subjects[at];
    if (track.owners) part.owners[to] = track.owners[at];
    const merged = track.merged.get(at);
    if (merged) part.merged.set(to, merged);
  }
  return tracks.map((part) => part.finish());
}
