// Pictures tell what their marks are: under the pointer, and by arrow keys for those who have focused one.
for (const figure of document.querySelectorAll("figure.chart")) {
  const picture = figure.querySelector("svg");
  const marks = [...picture.querySelectorAll(".mark")];
  if (marks.length === 0) continue;
  const tip = document.createElement("p");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  tip.hidden = true;
  figure.append(tip);
  picture.tabIndex = 0;
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
  cursor.setAttribute("class", "cursor");
  const figures = (mark) => [Number(mark.dataset.x), Number(mark.dataset.y)];
  // Marks that belong together, in their order: those of one number of workers, or one row.
  const places = [...new Set(marks.map((mark) => Number(mark.dataset.at)))].sort((a, b) => a - b);
  const ofPlace = (place) => marks.filter((mark) => Number(mark.dataset.at) === place);
  const isCurve = marks.some((mark) => mark.querySelector(".dot"));
  let told = null;

  function tell(place) {
    if (place === told) return;
    told = place;
    for (const mark of marks) mark.classList.toggle("told", Number(mark.dataset.at) === place);
    tip.hidden = place === null;
    cursor.remove();
    if (place === null) return;
    const here = ofPlace(place);
    tip.replaceChildren(
      ...here.map((mark) => {
        const line = document.createElement("span");
        const colour = document.createElement("i");
        colour.style.color = getComputedStyle(mark).color;
        line.append(colour, mark.dataset.say);
        return line;
      }),
    );
    const { width, height } = picture.viewBox.baseVal;
    const box = picture.getBoundingClientRect();
    const outer = figure.getBoundingClientRect();
    const scale = box.width / width;
    const [x, y] = figures(here[0]);
    if (isCurve) {
      for (const [name, value] of Object.entries({ x1: x, x2: x, y1: 20, y2: height - 46 })) {
        cursor.setAttribute(name, value);
      }
      picture.prepend(cursor);
    }
    const left = box.left - outer.left + x * scale + 12;
    const top = box.top - outer.top + (isCurve ? 28 : y + 14) * scale;
    tip.style.left = `${Math.max(8, Math.min(left, outer.width - tip.offsetWidth - 8))}px`;
    tip.style.top = `${top}px`;
  }

  function nearest(event) {
    const box = picture.getBoundingClientRect();
    const scale = box.width / picture.viewBox.baseVal.width;
    const along = isCurve ? (event.clientX - box.left) / scale : (event.clientY - box.top) / scale;
    const distance = (place) => Math.abs(figures(ofPlace(place)[0])[isCurve ? 0 : 1] - along);
    return places.reduce((best, place) => (distance(place) < distance(best) ? place : best));
  }

  picture.addEventListener("pointermove", (event) => tell(nearest(event)));
  picture.addEventListener("pointerdown", (event) => tell(nearest(event)));
  picture.addEventListener("pointerleave", () => tell(null));
  picture.addEventListener("blur", () => tell(null));
  picture.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key === "Escape") return tell(null);
    if (!(event.key in steps)) return;
    event.preventDefault();
    const at = told === null ? (steps[event.key] > 0 ? -1 : places.length) : places.indexOf(told);
    tell(places[Math.max(0, Math.min(places.length - 1, at + steps[event.key]))]);
  });
}
