/** The connected pieces of a mask and the holes in it. Bitmaps hold one byte a pixel (0 or 1), row-major. */

export interface Pieces {
  /** Of each pixel: 0 outside the mask, else the number of its piece, from 1. */
  ids: Int32Array;
  /** Pixels of each piece, by its number; the first entry stands for no piece. */
  areas: number[];
}

/** Number the pieces of the pixels that have a value. A mask hangs together by 8 neighbours, its background by 4. */
export function piecesOf(bitmap: Uint8Array, columns: number, rows: number, value: 0 | 1 = 1): Pieces {
  const ids = new Int32Array(bitmap.length);
  const areas = [0];
  const stack: number[] = [];
  for (let seed = 0; seed < bitmap.length; seed++) {
    if (bitmap[seed] !== value || ids[seed]) continue;
    const id = areas.length;
    let area = 0;
    ids[seed] = id;
    stack.push(seed);
    for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
      area++;
      const x = place % columns;
      const y = (place - x) / columns;
      for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(columns - 1, x + 1); u++) {
          if (value === 0 && u !== x && v !== y) continue;
          const next = v * columns + u;
          if (bitmap[next] !== value || ids[next]) continue;
          ids[next] = id;
          stack.push(next);
        }
      }
    }
    areas.push(area);
  }
  return { ids, areas };
}

/** Fill what the mask encloses: background that no path of 4 neighbours joins to the border of the image. */
export function fillHoles(bitmap: Uint8Array, columns: number, rows: number): Uint8Array {
  const { ids, areas } = piecesOf(bitmap, columns, rows, 0);
  const isOpen = new Uint8Array(areas.length);
  for (let x = 0; x < columns; x++) {
    isOpen[ids[x] ?? 0] = 1;
    isOpen[ids[(rows - 1) * columns + x] ?? 0] = 1;
  }
  for (let y = 0; y < rows; y++) {
    isOpen[ids[y * columns] ?? 0] = 1;
    isOpen[ids[y * columns + columns - 1] ?? 0] = 1;
  }
  return bitmap.map((bit, place) => (bit || !isOpen[ids[place] ?? 0] ? 1 : 0));
}

/** Keep the piece with the most pixels; of equals, the first in reading order. */
export function keepLargest(bitmap: Uint8Array, columns: number, rows: number): Uint8Array {
  const { ids, areas } = piecesOf(bitmap, columns, rows);
  const largest = areas.indexOf(Math.max(...areas));
  return bitmap.map((bit, place) => (bit && ids[place] === largest ? 1 : 0));
}

/** Drop the pieces of fewer than so many pixels. */
export function dropIslands(
  bitmap: Uint8Array,
  columns: number,
  rows: number,
  leastArea: number,
): Uint8Array {
  const { ids, areas } = piecesOf(bitmap, columns, rows);
  return bitmap.map((bit, place) => (bit && (areas[ids[place] ?? 0] ?? 0) >= leastArea ? 1 : 0));
}
