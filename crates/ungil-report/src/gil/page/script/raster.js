// The picture's pixels. Rows are filled in memory and put on the canvas at once, which takes the same
// few milliseconds for a dozen slices and for a million.
class Raster {
  resize(width, height) {
    if (this.image && this.image.width === width && this.image.height === height) return;
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.width = width;
    this.height = height;
    this.heights = new Uint16Array(width);
    this.layers = Array.from({ length: COLOURED + 2 }, () => new Float32Array(width));
    this.tops = Array.from({ length: COLOURED + 2 }, () => new Uint16Array(width));
  }

  fill(x, y, width, height, colour) {
    for (let row = Math.max(0, y); row < Math.min(this.height, y + height); row++) {
      this.pixels.fill(colour, row * this.width + x, row * this.width + Math.min(this.width, x + width));
    }
  }

  // One row: for each column the shares of its time, stacked from the bottom up. A share that is not
  // zero is seen, however small it is. `layers` are [track, colour, colour of the hatching]; only
  // columns that are all of that layer are hatched.
  stack(layers, view, x, y, width, height) {
    const step = view.span / width;
    layers.forEach(([track], at) => track.shares(view.start, step, width, this.layers[at]));
    const least = Math.max(1, Math.round(height / 16));
    for (let column = 0; column < width; column++) {
      let sum = 0;
      let top = 0;
      for (let at = 0; at < layers.length; at++) {
        const share = this.layers[at][column];
        sum += share;
        let next = Math.round(sum * height);
        if (share > 0 && next < top + least) next = top + least;
        top = this.tops[at][column] = Math.min(next, height);
      }
    }
    const from = Math.max(0, y);
    const to = Math.min(this.height, y + height);
    for (let row = from; row < to; row++) {
      const level = y + height - row;
      const line = row * this.width + x;
      for (let column = 0; column < width; column++) {
        for (let at = 0; at < layers.length; at++) {
          if (this.tops[at][column] < level) continue;
          const hatched = layers[at][2] !== undefined && (column + row) % 9 < 3 && this.layers[at][column] > 0.98;
          this.pixels[line + column] = hatched ? layers[at][2] : layers[at][1];
          break;
        }
      }
    }
  }
}
