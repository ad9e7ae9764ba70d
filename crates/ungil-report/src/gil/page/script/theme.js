// The colours of the style sheet, as the canvas wants them.
function colours() {
  const probe = document.createElement("i");
  document.body.append(probe);
  const dot = document.createElement("canvas");
  dot.width = dot.height = 1;
  const brush = dot.getContext("2d", { willReadFrequently: true });
  const css = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  // As one number in the order of the canvas' bytes.
  const pixel = (name) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = css(name);
    brush.fillRect(0, 0, 1, 1);
    return new Uint32Array(brush.getImageData(0, 0, 1, 1).data.buffer)[0];
  };
  const threads = Array.from({ length: COLOURED + 1 }, (_, at) => `thread-${at}`);
  const found = {
    pixel: {
      ground: pixel("ground"),
      row: pixel("row"),
      selected: pixel("row-selected"),
      line: pixel("line"),
      waited: pixel("waited"),
      hatch: pixel("hatch"),
      threads: threads.map(pixel),
    },
    ink: css("ink"),
    quiet: css("quiet"),
    line: css("line"),
    accent: css("accent"),
    ground: css("ground"),
    panel: css("panel"),
    shade: css("shade"),
    waited: css("waited"),
    onFill: css("on-fill"),
    threads: threads.map(css),
  };
  probe.remove();
  return found;
}
