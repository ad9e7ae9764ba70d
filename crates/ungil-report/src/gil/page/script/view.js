// Which part of the trace is in view.
const SHORTEST = 50; // nanoseconds

class View {
  constructor(length, changed) {
    this.length = length;
    this.start = 0;
    this.span = length;
    this.changed = changed;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  get end() {
    return this.start + this.span;
  }

  // Shows a part at once.
  show(start, span) {
    cancelAnimationFrame(this.moving);
    this.target = null;
    this.set(start, span);
  }

  set(start, span) {
    this.span = Math.min(Math.max(span, Math.min(SHORTEST, this.length)), this.length);
    this.start = Math.min(Math.max(start, 0), this.length - this.span);
    this.changed();
  }

  // Goes there in a few frames, which lets the eye follow; at once for those who want no motion.
  glide(start, span) {
    if (this.still.matches) return this.show(start, span);
    cancelAnimationFrame(this.moving);
    this.target = { start, span };
    const from = { start: this.start, span: this.span };
    const began = performance.now();
    const step = (now) => {
      const done = Math.min(1, Math.max(0, now - began) / 140);
      const eased = 1 - (1 - done) ** 3;
      // Spans are passed through by factors, so that each frame zooms equally far.
      const spanNow = from.span * (span / from.span) ** eased;
      const share = from.span === span ? eased : (from.span - spanNow) / (from.span - span);
      // The last step is exact: there are no rounding errors in where it ends.
      if (done === 1) return this.show(start, span);
      this.set(from.start + (start - from.start) * share, spanNow);
      this.moving = requestAnimationFrame(step);
      return undefined;
    };
    this.moving = requestAnimationFrame(step);
    return undefined;
  }

  // Zooms by a factor, keeping the moment `share` of the view from its left edge in place.
  zoom(factor, share = 0.5, smoothly = false) {
    const from = (smoothly && this.target) || this;
    const span = Math.min(Math.max(from.span / factor, Math.min(SHORTEST, this.length)), this.length);
    const start = from.start + (from.span - span) * share;
    const inside = Math.min(Math.max(start, 0), this.length - span);
    if (smoothly) this.glide(inside, span);
    else this.show(inside, span);
  }

  // Moves by a share of what is in view.
  pan(share, smoothly = false) {
    const from = (smoothly && this.target) || this;
    const start = Math.min(Math.max(from.start + share * from.span, 0), this.length - from.span);
    if (smoothly) this.glide(start, from.span);
    else this.show(start, from.span);
  }

  // A stretch, with some room around it.
  frame(start, end) {
    const span = Math.max(end - start, SHORTEST) * 1.5;
    const inside = Math.min(Math.max((start + end - span) / 2, 0), Math.max(0, this.length - span));
    this.glide(inside, Math.min(span, this.length));
  }

  get isAll() {
    return this.span >= this.length;
  }
}
