/** Work on the part of a bitmap where something is: masks are small, images are not. */

export interface Part {
  x0: number;
  y0: number;
  width: number;
  height: number;
}

/** The bounding box of what is set in any of the bitmaps, wider by a margin, within the image; null if nothing is. */
export function boundsOf(
  bitmaps: readonly Uint8Array[],
  columns: number,
  rows: number,
  margin = 0,
): Part | null {
  let [x0, y0, x1, y1] = [columns, rows, -1, -1];
  for (const bitmap of bitmaps) {
    for (let y = 0, place = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++, place++) {
        if (!bitmap[place]) continue;
        if (x < x0) x0 = x;
        if (x > x1) x1 = x;
        if (y < y0) y0 = y;
        if (y > y1) y1 = y;
      }
    }
  }
  if (x1 < 0) return null;
  x0 = Math.max(0, x0 - margin);
  y0 = Math.max(0, y0 - margin);
  return {
    x0,
    y0,
    width: Math.min(columns, x1 + 1 + margin) - x0,
    height: Math.min(rows, y1 + 1 + margin) - y0,
  };
}

export function cut(bitmap: Uint8Array, columns: number, part: Part): Uint8Array {
  const cropped = new Uint8Array(part.width * part.height);
  for (let y = 0; y < part.height; y++) {
    const start = (part.y0 + y) * columns + part.x0;
    cropped.set(bitmap.subarray(start, start + part.width), y * part.width);
  }
  return cropped;
}

/** A bitmap of the whole image that is empty but for one part. */
export function spread(cropped: Uint8Array, part: Part, columns: number, rows: number): Uint8Array {
  const bitmap = new Uint8Array(columns * rows);
  for (let y = 0; y < part.height; y++) {
    const line = cropped.subarray(y * part.width, (y + 1) * part.width);
    bitmap.set(line, (part.y0 + y) * columns + part.x0);
  }
  return bitmap;
}
