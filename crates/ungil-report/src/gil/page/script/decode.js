// The data blocks of the page; gil/page/slices.rs, which writes them, says how.
class Numbers {
  constructor(base64) {
    if (Uint8Array.fromBase64) {
      this.bytes = Uint8Array.fromBase64(base64);
    } else {
      const text = atob(base64);
      this.bytes = new Uint8Array(text.length);
      for (let at = 0; at < text.length; at++) this.bytes[at] = text.charCodeAt(at);
    }
    this.position = 0;
  }

  next() {
    const { bytes } = this;
    let byte = bytes[this.position++];
    if (byte < 128) return byte;
    // By factors: numbers of more than 31 bits have to stay whole.
    let number = byte & 127;
    let factor = 128;
    do {
      byte = bytes[this.position++];
      number += (byte & 127) * factor;
      factor *= 128;
    } while (byte >= 128);
    return number;
  }

  merged(track, at) {
    track.merged.set(at, { count: this.next(), busy: this.next() });
  }
}

// Threads that have a colour of their own; the others share the next one.
const COLOURED = 5;

function decode(about, base64) {
  const numbers = new Numbers(base64);
  const { threads, functions, files } = about;
  const holds = new Track(numbers.next());
  holds.owners = new Uint32Array(holds.length);
  const gilOf = new Uint16Array(about.gils.length > 1 ? holds.length : 0);
  let before = 0;
  let gil = 0;
  for (let at = 0; at < holds.length; at++) {
    before += numbers.next();
    holds.starts[at] = before;
    holds.ends[at] = before + numbers.next();
    holds.owners[at] = numbers.next();
    const subject = numbers.next();
    holds.subjects[at] = Math.floor(subject / 4);
    if (subject & 2) gil = numbers.next();
    if (about.gils.length > 1) gilOf[at] = gil;
    if (subject & 1) numbers.merged(holds, at);
  }
  const own = split(holds, (at) => holds.owners[at], threads.length);
  // The longest holders have colours of their own.
  const ranks = threads.map((_, at) => at).sort((a, b) => threads[b][2] - threads[a][2]);
  const colours = new Uint8Array(threads.length).fill(COLOURED);
  ranks.slice(0, COLOURED).forEach((thread, rank) => (colours[thread] = rank));
  const colour = (thread) => colours[thread];
  const gils = about.gils.length > 1 ? split(holds, (at) => gilOf[at], about.gils.length) : [holds.finish()];
  return {
    duration: Math.max(about.duration, 1),
    threads: threads.map(([name, tid, held, waited], at) => ({
      name,
      tid,
      held,
      waited,
      at,
      colour: colour(at),
      holds: own[at],
      waits: waits(numbers),
    })),
    // Who held each GIL, and the same by colour.
    gils: gils.map((track, number) => ({
      name: about.gils[number] || "GIL holder",
      holds: track,
      colours: split(track, (at) => colour(track.owners[at]), COLOURED + 1),
    })),
    functions: functions.map((known) =>
      known ? { name: known[0], file: files[known[1]], line: known[2] } : null,
    ),
  };
}

function waits(numbers) {
  const track = new Track(numbers.next());
  let before = 0;
  for (let at = 0; at < track.length; at++) {
    before += numbers.next();
    track.starts[at] = before;
    before += numbers.next();
    track.ends[at] = before;
    const subject = numbers.next();
    track.subjects[at] = subject >>> 1;
    if (subject & 1) numbers.merged(track, at);
  }
  return track.finish();
}
