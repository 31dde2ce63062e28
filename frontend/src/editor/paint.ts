/** From stored pixels and masks to the colours of a canvas at the resolution of the image. */

import type { MaskPixels } from "./codec";
import type { FramePixels } from "./frames";

/** Lookup table from stored value to opaque grey, as little-endian RGBA words. */
export function greyTable(low: number, high: number, inverted: boolean, size: number): Uint32Array {
  const table = new Uint32Array(size);
  const span = Math.max(high - low, 1e-6);
  for (let value = 0; value < size; value++) {
    let grey = Math.round(Math.min(Math.max((value - low) / span, 0), 1) * 255);
    if (inverted) grey = 255 - grey;
    table[value] = (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0;
  }
  return table;
}

/** Write a grey frame into RGBA words. */
export function paintGrey(target: Uint32Array, frame: FramePixels, table: Uint32Array): void {
  const count = Math.min(target.length, frame.length);
  for (let place = 0; place < count; place++) target[place] = table[frame[place] as number] as number;
}

/** Write an RGB frame into RGBA words, windowing each channel. */
export function paintRgb(target: Uint32Array, frame: FramePixels, table: Uint32Array): void {
  for (let place = 0, from = 0; place < target.length; place++, from += 3) {
    const red = (table[frame[from] ?? 0] ?? 0) & 0xff;
    const green = (table[frame[from + 1] ?? 0] ?? 0) & 0xff;
    const blue = (table[frame[from + 2] ?? 0] ?? 0) & 0xff;
    target[place] = (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
  }
}

export function parseColour(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff];
}

/**
 * Blend a mask over RGBA words: its inside translucent, its border nearly opaque, because thin vessels vanish under
 * a fill alone.
 */
export function paintMask(
  target: Uint32Array,
  columns: number,
  mask: MaskPixels,
  colour: readonly [number, number, number],
  opacity: number,
  outlineOnly: boolean,
): void {
  const { bits, width, height, x0, y0 } = mask;
  const inside = outlineOnly ? 0 : opacity;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      if (!bits[at]) continue;
      const isBorder =
        x === 0 ||
        y === 0 ||
        x === width - 1 ||
        y === height - 1 ||
        !bits[at - 1] ||
        !bits[at + 1] ||
        !bits[at - width] ||
        !bits[at + width];
      const alpha = isBorder ? Math.max(0.85, opacity) : inside;
      if (alpha === 0) continue;
      const place = (y0 + y) * columns + x0 + x;
      const under = target[place] ?? 0;
      const red = (under & 0xff) * (1 - alpha) + colour[0] * alpha;
      const green = ((under >> 8) & 0xff) * (1 - alpha) + colour[1] * alpha;
      const blue = ((under >> 16) & 0xff) * (1 - alpha) + colour[2] * alpha;
      target[place] = (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
    }
  }
}

export interface Stamp {
  /** A square with sides of twice the radius instead of a disk. */
  square?: boolean;
  /** Whether a pixel may be changed. */
  allows?: (place: number) => boolean;
}

/** Draw a disk or a square, swept from one point to another, into a bitmap. */
export function stampStroke(
  bitmap: Uint8Array,
  columns: number,
  rows: number,
  from: { x: number; y: number },
  to: { x: number; y: number },
  radius: number,
  value: 0 | 1,
  { square = false, allows }: Stamp = {},
): void {
  const [x0, x1] = [Math.min(from.x, to.x) - radius, Math.max(from.x, to.x) + radius];
  const [y0, y1] = [Math.min(from.y, to.y) - radius, Math.max(from.y, to.y) + radius];
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length2 = dx * dx + dy * dy;
  for (let y = Math.max(0, Math.floor(y0)); y < Math.min(rows, Math.ceil(y1)); y++) {
    for (let x = Math.max(0, Math.floor(x0)); x < Math.min(columns, Math.ceil(x1)); x++) {
      const [px, py] = [x + 0.5 - from.x, y + 0.5 - from.y];
      if (square) {
        if (!isSwept(px, dx, py, dy, radius)) continue;
      } else {
        const along = length2 ? Math.min(Math.max((px * dx + py * dy) / length2, 0), 1) : 0;
        const [ex, ey] = [px - along * dx, py - along * dy];
        if (ex * ex + ey * ey > radius * radius) continue;
      }
      const place = y * columns + x;
      if (!allows || allows(place)) bitmap[place] = value;
    }
  }
}

/** Whether some square on the way by (dx, dy) from the origin covers a point. */
function isSwept(px: number, dx: number, py: number, dy: number, radius: number): boolean {
  let first = 0;
  let last = 1;
  for (const [point, way] of [
    [px, dx],
    [py, dy],
  ] as const) {
    if (way === 0) {
      if (Math.abs(point) > radius) return false;
      continue;
    }
    const [a, b] = [(point - radius) / way, (point + radius) / way];
    first = Math.max(first, Math.min(a, b));
    last = Math.min(last, Math.max(a, b));
  }
  return first <= last;
}
