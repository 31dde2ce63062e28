/**
 * Contrast limited adaptive histogram equalization (Zuiderveld, Graphics Gems IV, 1994): each tile's grey values are
 * spread by its own histogram, whose peaks are cut so that noise is not blown up, and tiles blend into one another.
 */

import type { FramePixels } from "../frames";
import type { Grey } from "./subtraction";

const TILES = 8;

/** Scratch space for cines of one size, so that a frame allocates nothing. */
export class LocalContrast {
  private readonly bins: number;
  private readonly binOf: Uint16Array;
  private readonly histogram: Uint32Array;
  /** For each tile, row by row, the grey value of each bin. */
  private readonly curves: Float32Array;
  /** For each column: where the curves of the tiles left and right of it begin, and how far it lies between them. */
  private readonly leftOf: Int32Array;
  private readonly rightOf: Int32Array;
  private readonly between: Float32Array;
  private readonly down: number;
  private readonly across: number;

  constructor(
    private readonly rows: number,
    private readonly columns: number,
    private readonly grey: Grey,
  ) {
    const [low, high] = grey.window;
    this.bins = grey.largest > 255 ? 1024 : 256;
    this.down = Math.min(TILES, rows);
    this.across = Math.min(TILES, columns);
    this.histogram = new Uint32Array(this.bins);
    this.curves = new Float32Array(this.down * this.across * this.bins);
    this.binOf = new Uint16Array(grey.largest + 1);
    for (let value = 0; value <= grey.largest; value++) {
      const part = (value - low) / Math.max(high - low, 1);
      this.binOf[value] = Math.round(Math.min(Math.max(part, 0), 1) * (this.bins - 1));
    }
    this.leftOf = new Int32Array(columns);
    this.rightOf = new Int32Array(columns);
    this.between = new Float32Array(columns);
    for (let x = 0; x < columns; x++) {
      const [left, right, part] = neighbours(x, columns, this.across);
      this.leftOf[x] = left * this.bins;
      this.rightOf[x] = right * this.bins;
      this.between[x] = part;
    }
  }

  /** `clip` is how many times its fair share of pixels a bin may hold: 1 changes little, 8 much. */
  apply(frame: FramePixels, clip: number, result: FramePixels): void {
    for (let row = 0; row < this.down; row++) {
      for (let column = 0; column < this.across; column++) this.fitCurve(frame, row, column, clip);
    }
    const { curves, binOf, leftOf, rightOf, between, columns, rows } = this;
    const tileRow = this.across * this.bins;
    for (let y = 0, place = 0; y < rows; y++) {
      const [above, below, part] = neighbours(y, rows, this.down);
      const [top, bottom] = [above * tileRow, below * tileRow];
      for (let x = 0; x < columns; x++, place++) {
        const bin = binOf[frame[place] as number] as number;
        const left = (leftOf[x] as number) + bin;
        const right = (rightOf[x] as number) + bin;
        const aside = between[x] as number;
        const a = curves[top + left] as number;
        const b = curves[bottom + left] as number;
        const upper = a + ((curves[top + right] as number) - a) * aside;
        const lower = b + ((curves[bottom + right] as number) - b) * aside;
        result[place] = upper + (lower - upper) * part + 0.5;
      }
    }
  }

  private fitCurve(frame: FramePixels, row: number, column: number, clip: number): void {
    const { histogram, bins, binOf, columns } = this;
    const [y0, y1] = [edge(row, this.rows, this.down), edge(row + 1, this.rows, this.down)];
    const [x0, x1] = [edge(column, columns, this.across), edge(column + 1, columns, this.across)];
    histogram.fill(0);
    for (let y = y0; y < y1; y++) {
      for (let place = y * columns + x0, end = y * columns + x1; place < end; place++) {
        const bin = binOf[frame[place] as number] as number;
        histogram[bin] = (histogram[bin] as number) + 1;
      }
    }
    const count = (y1 - y0) * (x1 - x0);
    const limit = (clip * count) / bins;
    let cut = 0;
    for (let bin = 0; bin < bins; bin++) cut += Math.max((histogram[bin] as number) - limit, 0);
    const share = cut / bins;
    const [low, high] = this.grey.window;
    const scale = (high - low) / count;
    const at = (row * this.across + column) * bins;
    let sum = 0;
    for (let bin = 0; bin < bins; bin++) {
      const height = Math.min(histogram[bin] as number, limit) + share;
      // Half of its own height: a curve through the middle of each bin keeps an even tile where it was.
      const value = low + (sum + height / 2) * scale;
      this.curves[at + bin] = Math.min(Math.max(value, 0), this.grey.largest);
      sum += height;
    }
  }
}

function edge(tile: number, length: number, tiles: number): number {
  return Math.floor((tile * length) / tiles);
}

/** The two tiles whose centres a pixel lies between, and how far it is on the way from the first to the second. */
function neighbours(at: number, length: number, tiles: number): [number, number, number] {
  const place = ((at + 0.5) * tiles) / length - 0.5;
  const first = Math.min(Math.max(Math.floor(place), 0), tiles - 1);
  const second = Math.min(Math.max(Math.floor(place) + 1, 0), tiles - 1);
  return [first, second, place - Math.floor(place)];
}
