// The theme: as the system has it, or as chosen here. `onTheme` functions are called after a change.
const onTheme = [];
{
  const choices = ["auto", "light", "dark"];
  const button = document.createElement("button");
  button.id = "theme";
  let choice = "auto";
  try {
    choice = localStorage.getItem("ungil-theme") || choice;
  } catch {
    // A browser may keep nothing for files.
  }
  const apply = (next) => {
    choice = choices.includes(next) ? next : "auto";
    if (choice === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    button.textContent = `◐ ${choice}`;
    button.setAttribute("aria-label", `Theme: ${choice}. Change it`);
    for (const act of onTheme) act();
  };
  button.addEventListener("click", () => {
    apply(choices[(choices.indexOf(choice) + 1) % choices.length]);
    try {
      localStorage.setItem("ungil-theme", choice);
    } catch {
      // Then it holds until the page is closed.
    }
  });
  apply(choice);
  document.body.prepend(button);
  const redraw = () => onTheme.forEach((act) => act());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // Paper is light; the style sheet says so, and pictures follow.
  matchMedia("print").addEventListener("change", redraw);
}

// Tables: a click on a column's header sorts by it, a second one the other way round.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const figures = head.classList.contains("number");
      const before = head.getAttribute("aria-sort");
      // Figures begin with the largest, words with A.
      const down = before ? before === "ascending" : figures;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) =>
        figures ? Number(row.cells[column].dataset.value) : row.cells[column].textContent;
      const compare = figures ? (a, b) => a - b : (a, b) => a.localeCompare(b);
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => (down ? compare(b, a) : compare(a, b)));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
