/** How far two masks agree, and where a mask ends. */

import type { MaskPixels } from "../codec";

/** Dice coefficient of two masks of one image: twice what they share over what both hold; NaN of two empty ones. */
export function diceOf(a: MaskPixels, b: MaskPixels): number {
  let [sizes, shared] = [0, 0];
  for (const bit of a.bits) sizes += bit;
  for (const bit of b.bits) sizes += bit;
  const [x0, x1] = [Math.max(a.x0, b.x0), Math.min(a.x0 + a.width, b.x0 + b.width)];
  const [y0, y1] = [Math.max(a.y0, b.y0), Math.min(a.y0 + a.height, b.y0 + b.height)];
  for (let y = y0; y < y1; y++) {
    let inA = (y - a.y0) * a.width + x0 - a.x0;
    let inB = (y - b.y0) * b.width + x0 - b.x0;
    for (let x = x0; x < x1; x++) shared += (a.bits[inA++] as number) & (b.bits[inB++] as number);
  }
  return (2 * shared) / sizes;
}

/**
 * The edges between the pixels of a mask and those around it, as straight pieces x0, y0, x1, y1 in image coordinates:
 * between pixels and so of no width, because a line of pixels would cover a thin vessel whole.
 */
export function edgesOf({ bits, x0, y0, width, height }: MaskPixels): Float32Array {
  const found: number[] = [];
  const at = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height ? (bits[y * width + x] as number) : 0;
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x < width; x++) {
      if (at(x, y - 1) === at(x, y)) continue;
      const first = x;
      while (x + 1 < width && at(x + 1, y - 1) !== at(x + 1, y)) x++;
      found.push(x0 + first, y0 + y, x0 + x + 1, y0 + y);
    }
  }
  for (let x = 0; x <= width; x++) {
    for (let y = 0; y < height; y++) {
      if (at(x - 1, y) === at(x, y)) continue;
      const first = y;
      while (y + 1 < height && at(x - 1, y + 1) !== at(x, y + 1)) y++;
      found.push(x0 + x, y0 + first, x0 + x, y0 + y + 1);
    }
  }
  return Float32Array.from(found);
}
