/** Fill what a closed line encloses. */

import type { Place } from "./path";

/** Set the pixels whose centres lie inside a polygon by the even-odd rule; returns how many there are. */
export function fillPolygon(
  bitmap: Uint8Array,
  columns: number,
  rows: number,
  corners: readonly Place[],
  value: 0 | 1 = 1,
): number {
  let inside = 0;
  const ys = corners.map((corner) => corner.y);
  const first = Math.max(0, Math.floor(Math.min(...ys) - 0.5));
  const last = Math.min(rows - 1, Math.ceil(Math.max(...ys)));
  for (let y = first; y <= last; y++) {
    const crossings: number[] = [];
    for (let index = 0; index < corners.length; index++) {
      const from = corners[index];
      const to = corners[(index + 1) % corners.length];
      if (!from || !to || from.y <= y + 0.5 === to.y <= y + 0.5) continue;
      crossings.push(from.x + ((y + 0.5 - from.y) / (to.y - from.y)) * (to.x - from.x));
    }
    crossings.sort((a, b) => a - b);
    for (let index = 0; index + 1 < crossings.length; index += 2) {
      const start = Math.max(0, Math.ceil((crossings[index] ?? 0) - 0.5));
      const stop = Math.min(columns, Math.ceil((crossings[index + 1] ?? 0) - 0.5));
      if (stop <= start) continue;
      bitmap.fill(value, y * columns + start, y * columns + stop);
      inside += stop - start;
    }
  }
  return inside;
}
