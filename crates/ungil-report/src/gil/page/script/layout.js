// Where things are on the canvas, in CSS pixels. The first row, of the GIL's holder, stays on top; the
// rows below it scroll, and only those in sight are drawn.
const STRIP = { top: 4, height: 30 };
const AXIS = { top: 36, height: 20 };
const HOLDER = { top: 58, height: 36 };
const ROWS_TOP = 100;
const ROW = 32;
const BAR = 26;

class Layout {
  constructor(stage, space, canvas) {
    this.stage = stage;
    this.space = space;
    this.canvas = canvas;
    this.rows = 0;
  }

  // Fits into the page, with this many rows in all.
  measure(rows) {
    this.rows = rows;
    const total = ROWS_TOP + Math.max(0, rows - 1) * ROW + 4;
    const most = Math.max(300, Math.round(innerHeight * 0.72));
    this.height = Math.min(total, most);
    this.stage.style.height = `${this.height + 2}px`;
    this.space.style.height = `${total}px`;
    this.width = Math.max(160, this.stage.clientWidth);
    this.labels = Math.round(Math.min(220, Math.max(92, this.width * 0.19)));
    this.plot = this.width - this.labels;
    this.scale = Math.min(3, devicePixelRatio || 1);
    const [width, height] = [this.width * this.scale, this.height * this.scale].map(Math.round);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
  }

  // Top and height of a row's bar.
  bar(row) {
    if (row === 0) return [HOLDER.top, HOLDER.height];
    return [ROWS_TOP + (row - 1) * ROW - this.stage.scrollTop + (ROW - BAR) / 2, BAR];
  }

  // The rows that scroll and are in sight: from the first up to, but without, the second.
  sight() {
    const scrolled = this.stage.scrollTop;
    const first = 1 + Math.max(0, Math.floor(scrolled / ROW));
    const shown = Math.ceil((this.height - ROWS_TOP + (scrolled % ROW)) / ROW);
    return [Math.min(first, this.rows), Math.min(this.rows, first + Math.max(0, shown))];
  }

  // Scrolls so that a row is in sight.
  reveal(row) {
    if (row === 0) return;
    const top = (row - 1) * ROW;
    const room = this.height - ROWS_TOP;
    const { scrollTop } = this.stage;
    if (top < scrollTop) this.stage.scrollTop = top;
    else if (top + ROW > scrollTop + room) this.stage.scrollTop = top + ROW - room;
  }

  // What is at a point of the canvas.
  hit(x, y) {
    const share = (x - this.labels) / this.plot;
    if (y < AXIS.top) return { area: x < this.labels ? "none" : "strip", share };
    if (y < HOLDER.top) return { area: x < this.labels ? "none" : "axis", share };
    let row = 0;
    if (y >= ROWS_TOP) row = 1 + Math.floor((y - ROWS_TOP + this.stage.scrollTop) / ROW);
    const none = row >= this.rows || (row === 0 && y >= HOLDER.top + HOLDER.height);
    if (none) return { area: x < this.labels ? "none" : "plot", share, row: -1 };
    return { area: x < this.labels ? "label" : "plot", share, row };
  }

  // The x of a moment.
  x(view, time) {
    return this.labels + ((time - view.start) / view.span) * this.plot;
  }
}
