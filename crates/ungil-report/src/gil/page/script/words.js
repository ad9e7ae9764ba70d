// Figures, written as the tables write them; times are nanoseconds.
const UNITS = [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]];

function threeDigits(number) {
  const size = Math.abs(number);
  return number.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

function duration(ns) {
  if (ns === 0) return "0 s";
  const [unit, size] = UNITS.find(([, size]) => ns >= 0.9995 * size) || UNITS[3];
  return `${threeDigits(ns / size)} ${unit}`;
}

// A moment, as exact as steps of this length need it.
function moment(ns, step) {
  if (ns === 0) return "0";
  const [unit, size] = UNITS.find(([, size]) => ns >= size) || UNITS[3];
  const digits = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));
  return `${(ns / size).toFixed(digits)} ${unit}`;
}

function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}

function thousands(number) {
  return number.toLocaleString("en-US");
}
