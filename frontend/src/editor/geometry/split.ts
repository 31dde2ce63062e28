/** Divide a mask at a line. */

import { piecesOf } from "./components";
import type { Place } from "./path";

export interface Division {
  /** What lies to the left and to the right of the way from the first point to the second, as seen on the screen. */
  left: Uint8Array;
  right: Uint8Array;
}

/**
 * Divide a mask where a line crosses it. A piece that the line does not touch belongs to neither side.
 *
 * @returns null where the line does not part what it crosses
 */
export function divide(
  bitmap: Uint8Array,
  columns: number,
  rows: number,
  from: Place,
  to: Place,
): Division | null {
  const line = crossed(columns, rows, from, to);
  const rest = bitmap.slice();
  for (const place of line) rest[place] = 0;
  const { ids, areas } = piecesOf(rest, columns, rows);
  const side = (place: number) => {
    const [x, y] = [(place % columns) + 0.5, Math.floor(place / columns) + 0.5];
    return (to.x - from.x) * (y - from.y) - (to.y - from.y) * (x - from.x) < 0 ? -1 : 1;
  };
  // Which side a piece is on, say the pixels of it that touch the line.
  const sides = new Int32Array(areas.length);
  for (const place of line) {
    if (!bitmap[place]) continue;
    const x = place % columns;
    const y = (place - x) / columns;
    for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(columns - 1, x + 1); u++) {
        const next = v * columns + u;
        const id = ids[next] ?? 0;
        if (id) sides[id] = (sides[id] ?? 0) + side(next);
      }
    }
  }
  const isLine = new Uint8Array(bitmap.length);
  for (const place of line) isLine[place] = 1;
  const [left, right] = [new Uint8Array(bitmap.length), new Uint8Array(bitmap.length)];
  const found = { left: 0, right: 0 };
  for (let place = 0; place < bitmap.length; place++) {
    if (!bitmap[place]) continue;
    const where = isLine[place] ? side(place) : (sides[ids[place] ?? 0] ?? 0);
    if (where < 0) left[place] = 1;
    else if (where > 0) right[place] = 1;
    if (isLine[place] || where === 0) continue;
    if (where < 0) found.left++;
    else found.right++;
  }
  return found.left && found.right ? { left, right } : null;
}

/** The pixels that a line passes through, joined by their sides, so that no way of 8 neighbours leads across. */
function crossed(columns: number, rows: number, from: Place, to: Place): number[] {
  const places: number[] = [];
  let [x, y] = [Math.floor(from.x), Math.floor(from.y)];
  const [lastX, lastY] = [Math.floor(to.x), Math.floor(to.y)];
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const [stepX, stepY] = [Math.sign(dx), Math.sign(dy)];
  let nextX = dx ? (x + (stepX > 0 ? 1 : 0) - from.x) / dx : Number.POSITIVE_INFINITY;
  let nextY = dy ? (y + (stepY > 0 ? 1 : 0) - from.y) / dy : Number.POSITIVE_INFINITY;
  for (let left = Math.abs(lastX - x) + Math.abs(lastY - y); left >= 0; left--) {
    if (x >= 0 && y >= 0 && x < columns && y < rows) places.push(y * columns + x);
    if (nextX < nextY) {
      x += stepX;
      nextX += stepX / dx;
    } else {
      y += stepY;
      nextY += stepY / dy;
    }
  }
  return places;
}
