/** Move a mask as a whole, or pull it along under the pointer. */

import type { Place } from "./path";

/** The mask moved by whole pixels; what leaves the image is lost. */
export function translate(
  bitmap: Uint8Array,
  columns: number,
  rows: number,
  dx: number,
  dy: number,
): Uint8Array {
  const moved = new Uint8Array(bitmap.length);
  const [x0, x1] = [Math.max(0, dx), Math.min(columns, columns + dx)];
  if (x0 >= x1) return moved;
  for (let y = Math.max(0, dy); y < Math.min(rows, rows + dy); y++) {
    const from = (y - dy) * columns;
    moved.set(bitmap.subarray(from + x0 - dx, from + x1 - dx), y * columns + x0);
  }
  return moved;
}

/** Longer pulls are made in steps, so that the mask never folds over. */
const LONGEST_STEP = 0.25;

/**
 * A mask under a smooth displacement that grows pull by pull. It is always made anew from the first mask, so that
 * pulling about for long wears nothing away.
 */
export class Warp {
  /** Where, from each pixel, the place of the first mask lies that it shows now. */
  private readonly awayX: Float32Array;
  private readonly awayY: Float32Array;

  constructor(
    private readonly original: Uint8Array,
    private readonly columns: number,
    private readonly rows: number,
  ) {
    this.awayX = new Float32Array(original.length);
    this.awayY = new Float32Array(original.length);
  }

  /** Pull from one point to another what lies around; `sigma` is that of the Gaussian, in pixels. */
  pull(from: Place, to: Place, sigma: number): void {
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    const steps = Math.ceil(length / (LONGEST_STEP * sigma));
    for (let step = 0.5; step < steps; step++) {
      const centre = {
        x: from.x + (step / steps) * (to.x - from.x),
        y: from.y + (step / steps) * (to.y - from.y),
      };
      this.pullOnce(centre, (to.x - from.x) / steps, (to.y - from.y) / steps, sigma);
    }
  }

  private pullOnce(centre: Place, dx: number, dy: number, sigma: number): void {
    const { columns, rows } = this;
    const reach = 3 * sigma;
    const x0 = Math.max(0, Math.floor(centre.x - reach));
    const x1 = Math.min(columns - 1, Math.ceil(centre.x + reach));
    const y0 = Math.max(0, Math.floor(centre.y - reach));
    const y1 = Math.min(rows - 1, Math.ceil(centre.y + reach));
    const [oldX, oldY] = [this.awayX.slice(), this.awayY.slice()];
    for (let y = y0; y <= y1; y++) {
      for (let x = x0; x <= x1; x++) {
        const square = (x + 0.5 - centre.x) ** 2 + (y + 0.5 - centre.y) ** 2;
        const weight = Math.exp(-square / (2 * sigma * sigma));
        const [u, v] = [x - weight * dx, y - weight * dy];
        const place = y * columns + x;
        this.awayX[place] = this.between(oldX, u, v) - weight * dx;
        this.awayY[place] = this.between(oldY, u, v) - weight * dy;
      }
    }
  }

  private between(field: Float32Array, u: number, v: number): number {
    const { columns, rows } = this;
    const [x, y] = [Math.min(Math.max(u, 0), columns - 1), Math.min(Math.max(v, 0), rows - 1)];
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [a, b] = [x - left, y - top];
    const at = top * columns + left;
    const right = left + 1 < columns ? 1 : 0;
    const below = top + 1 < rows ? columns : 0;
    const upper = (field[at] ?? 0) * (1 - a) + (field[at + right] ?? 0) * a;
    const lower = (field[at + below] ?? 0) * (1 - a) + (field[at + below + right] ?? 0) * a;
    return upper * (1 - b) + lower * b;
  }

  /** The mask as it is pulled by now. */
  mask(): Uint8Array {
    const { columns, rows, original, awayX, awayY } = this;
    const pulled = new Uint8Array(original.length);
    for (let y = 0, place = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++, place++) {
        const u = Math.round(x + (awayX[place] ?? 0));
        const v = Math.round(y + (awayY[place] ?? 0));
        if (u >= 0 && v >= 0 && u < columns && v < rows) pulled[place] = original[v * columns + u] ?? 0;
      }
    }
    return pulled;
  }
}
