// Which rows there are, in which order: who held, the busiest GIL first, then threads.
const ORDERS = {
  held: () => (thread) => -thread.held,
  waited: () => (thread) => -thread.waited,
  // A thread's first slice; those without one come last.
  start: () => ({ holds, waits }) => Math.min(...[holds, waits].map((track) => (track.length ? track.starts[0] : Infinity))),
  view: ({ start, end }) => ({ holds, waits }) => -holds.spent(start, end) - waits.spent(start, end),
};

class Rows {
  constructor(app, shown) {
    this.app = app;
    this.shown = shown;
    const { trace, find } = app;
    const spent = (gil) => gil.holds.spent(0, trace.duration);
    this.gils = [...trace.gils].sort((a, b) => spent(b) - spent(a)).map((gil) => ({ gil }));
    this.threads = trace.threads.map((thread) => ({ thread }));
    this.order = document.getElementById("order");
    this.order.addEventListener("change", () => this.fromTop());
    find.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.search(), 80);
    });
    find.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      if (event.key === "Escape") find.value = "";
      clearTimeout(this.typing);
      this.search();
      app.stage.focus();
      event.preventDefault();
    });
  }

  // Threads of the wanted name, and those that held the GIL in a function of this name.
  show() {
    const { trace, find, view } = this.app;
    const wanted = find.value.trim().toLowerCase();
    const has = (text) => text.toLowerCase().includes(wanted);
    const subjects = new Set();
    if (wanted) trace.functions.forEach((known, at) => known && has(known.name) && subjects.add(at + 2));
    const runs = ({ holds }) => subjects.size > 0 && holds.subjects.some((subject) => subjects.has(subject));
    const found = this.threads.filter(({ thread }) => !wanted || has(thread.name) || runs(thread));
    const key = ORDERS[this.order.value](view);
    const keyed = found.map((row) => [key(row.thread), row]);
    // Equal ones stay in the order of the table.
    keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.shown([...this.gils, ...keyed.map(([, row]) => row)]);
    return found.length;
  }

  fromTop() {
    const count = this.show();
    this.app.stage.scrollTop = 0;
    return count;
  }

  search() {
    const count = this.fromTop();
    const { trace, find } = this.app;
    const all = thousands(trace.threads.length);
    say(this.app, find.value.trim() ? `${thousands(count)} of ${all} threads.` : "");
  }

  // All threads again.
  forget() {
    if (!this.app.find.value) return;
    this.app.find.value = "";
    this.search();
  }

  // The view has moved: an order that goes by it follows when it rests.
  moved() {
    if (this.order.value !== "view") return;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.show(), 250);
  }
}
