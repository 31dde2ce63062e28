/** A smaller picture of a frame, by the mean of square blocks: for scores, for alignment and for thumbnails. */

/** Grey values of a whole frame, row by row. */
export type Pixels = Uint8Array | Uint16Array | Float32Array;

export interface Small {
  rows: number;
  columns: number;
  /** Means of the blocks, row by row. */
  values: Float32Array;
}

/** How many pixels a block is wide so that the longer side of the small picture is at most `side`. */
export function factorFor(rows: number, columns: number, side: number): number {
  return Math.max(1, Math.ceil(Math.max(rows, columns) / side));
}

/** Rows and columns that do not fill a block are left out. */
export function shrink(frame: Pixels, rows: number, columns: number, factor: number): Small {
  const small = { rows: Math.floor(rows / factor), columns: Math.floor(columns / factor) };
  const values = new Float32Array(small.rows * small.columns);
  for (let y = 0; y < small.rows * factor; y++) {
    const to = Math.floor(y / factor) * small.columns;
    for (let x = 0, from = y * columns; x < small.columns; x++) {
      let sum = 0;
      for (let end = from + factor; from < end; from++) sum += frame[from] as number;
      values[to + x] = (values[to + x] as number) + sum;
    }
  }
  const count = factor * factor;
  for (let place = 0; place < values.length; place++) values[place] = (values[place] as number) / count;
  return { ...small, values };
}

/** The same, each pixel blended with its eight neighbours (1 2 1 both ways). */
export function smooth({ rows, columns, values }: Small): Small {
  const once = new Float32Array(values.length);
  const twice = new Float32Array(values.length);
  for (let y = 0, place = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, place++) {
      const before = values[x > 0 ? place - 1 : place] as number;
      const after = values[x < columns - 1 ? place + 1 : place] as number;
      once[place] = (before + 2 * (values[place] as number) + after) / 4;
    }
  }
  for (let y = 0, place = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, place++) {
      const before = once[y > 0 ? place - columns : place] as number;
      const after = once[y < rows - 1 ? place + columns : place] as number;
      twice[place] = (before + 2 * (once[place] as number) + after) / 4;
    }
  }
  return { rows, columns, values: twice };
}
