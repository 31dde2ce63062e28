/**
 * The mask between two key frames, from signed distances: S. Raya, J. Udupa, "Shape-based interpolation of
 * multidimensional objects", IEEE TMI 9 (1990). Two additions, since hearts move and vessels are thin: the shapes are
 * laid over each other by their centroids first, and the level is chosen so that the size passes evenly from the one
 * to the other; otherwise what moves by more than its own width would vanish on the way.
 */

import { boundsOf, cut, type Part, spread } from "./crop";
import { signedDistance } from "./distance";

export class MaskInterpolator {
  private readonly part: Part;
  private readonly fields: [Field, Field];

  /** Both bitmaps have at least one pixel. */
  constructor(
    from: Uint8Array,
    to: Uint8Array,
    private readonly columns: number,
    private readonly rows: number,
  ) {
    const part = boundsOf([from, to], columns, rows, 1);
    if (!part) throw new RangeError("There is nothing to interpolate between.");
    this.part = part;
    this.fields = [new Field(cut(from, columns, part), part), new Field(cut(to, columns, part), part)];
  }

  /** The mask a fraction of the way from the first to the second: 0 and 1 give these themselves. */
  at(fraction: number): Uint8Array {
    const [from, to] = this.fields;
    const { width, height } = this.part;
    const centre = {
      x: from.x + fraction * (to.x - from.x),
      y: from.y + fraction * (to.y - from.y),
    };
    const blend = new Float32Array(width * height);
    for (let y = 0, place = 0; y < height; y++) {
      for (let x = 0; x < width; x++, place++) {
        const [dx, dy] = [x - centre.x, y - centre.y];
        blend[place] =
          (1 - fraction) * from.value(from.x + dx, from.y + dy) + fraction * to.value(to.x + dx, to.y + dy);
      }
    }
    const extent = (1 - fraction) * Math.sqrt(from.area) + fraction * Math.sqrt(to.area);
    const area = Math.round(extent * extent);
    const level = blend.slice().sort()[blend.length - area] ?? 0;
    const mask = Uint8Array.from(blend, (value) => (value >= level ? 1 : 0));
    return spread(mask, this.part, this.columns, this.rows);
  }
}

/** The signed distance of one key frame, which can be asked between and beyond the pixels. */
class Field {
  readonly area: number;
  readonly x: number;
  readonly y: number;
  private readonly distance: Float32Array;

  constructor(
    bitmap: Uint8Array,
    private readonly part: Part,
  ) {
    let [area, x, y] = [0, 0, 0];
    for (let place = 0; place < bitmap.length; place++) {
      if (!bitmap[place]) continue;
      area++;
      x += place % part.width;
      y += Math.floor(place / part.width);
    }
    [this.area, this.x, this.y] = [area, x / area, y / area];
    const furthest = part.width + part.height;
    this.distance = signedDistance(bitmap, part.width, part.height).map((value) => Math.min(value, furthest));
  }

  /** Bilinear within the part; beyond it, the value at its border less the way there. */
  value(x: number, y: number): number {
    const { width, height } = this.part;
    const [u, v] = [Math.min(Math.max(x, 0), width - 1), Math.min(Math.max(y, 0), height - 1)];
    const [left, top] = [Math.min(Math.floor(u), width - 2), Math.min(Math.floor(v), height - 2)];
    const [a, b] = [u - left, v - top];
    const at = Math.max(top, 0) * width + Math.max(left, 0);
    const [right, below] = [left < 0 ? 0 : 1, top < 0 ? 0 : width];
    const { distance } = this;
    const upper = (distance[at] ?? 0) * (1 - a) + (distance[at + right] ?? 0) * a;
    const lower = (distance[at + below] ?? 0) * (1 - a) + (distance[at + below + right] ?? 0) * a;
    return upper * (1 - b) + lower * b - Math.hypot(x - u, y - v);
  }
}
