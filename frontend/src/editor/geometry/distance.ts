/**
 * Exact Euclidean distances in pixels, in time linear in the pixels: P. Felzenszwalb, D. Huttenlocher, "Distance
 * transforms of sampled functions", Theory of Computing 8 (2012).
 */

/** Distance between neighbouring columns and between neighbouring rows. */
export type Spacing = readonly [number, number];

/** Squared distance of each pixel to the nearest one that has a value, in pixels or in the unit of a spacing; Infinity where no pixel has it. */
export function squaredDistance(
  bitmap: Uint8Array,
  columns: number,
  rows: number,
  value: 0 | 1,
  [across, down]: Spacing = [1, 1],
): Float32Array {
  const far = columns + rows;
  const squared = new Float32Array(bitmap.length);
  let isAny = false;
  for (let x = 0; x < columns; x++) {
    let run = far;
    for (let y = 0, place = x; y < rows; y++, place += columns) {
      run = bitmap[place] === value ? 0 : Math.min(run + 1, far);
      squared[place] = run;
    }
    run = far;
    for (let y = rows - 1, place = y * columns + x; y >= 0; y--, place -= columns) {
      run = bitmap[place] === value ? 0 : Math.min(run + 1, far);
      if (run === 0) isAny = true;
      const nearest = Math.min(run, squared[place] ?? far);
      squared[place] = nearest * nearest * down * down;
    }
  }
  if (!isAny) return squared.fill(Number.POSITIVE_INFINITY);
  const heights = new Float64Array(columns);
  const vertices = new Int32Array(columns);
  const limits = new Float64Array(columns + 1);
  for (let y = 0; y < rows; y++)
    lowerEnvelope(squared, y * columns, columns, across * across, heights, vertices, limits);
  return squared;
}

/** Replace a row of squared heights by the least of heights[q] + unit (x - q)², in place. */
function lowerEnvelope(
  squared: Float32Array,
  start: number,
  length: number,
  unit: number,
  heights: Float64Array,
  vertices: Int32Array,
  limits: Float64Array,
): void {
  for (let x = 0; x < length; x++) heights[x] = squared[start + x] ?? 0;
  let last = 0;
  vertices[0] = 0;
  limits[0] = Number.NEGATIVE_INFINITY;
  limits[1] = Number.POSITIVE_INFINITY;
  for (let x = 1; x < length; x++) {
    const height = (heights[x] ?? 0) + unit * x * x;
    let crossing = Number.NEGATIVE_INFINITY;
    for (;;) {
      const vertex = vertices[last] ?? 0;
      crossing = (height - (heights[vertex] ?? 0) - unit * vertex * vertex) / (2 * unit * (x - vertex));
      if (crossing > (limits[last] ?? 0)) break;
      last--;
    }
    last++;
    vertices[last] = x;
    limits[last] = crossing;
    limits[last + 1] = Number.POSITIVE_INFINITY;
  }
  for (let x = 0, at = 0; x < length; x++) {
    while ((limits[at + 1] ?? 0) < x) at++;
    const vertex = vertices[at] ?? 0;
    squared[start + x] = unit * (x - vertex) * (x - vertex) + (heights[vertex] ?? 0);
  }
}

/**
 * Signed distance of each pixel centre to the border of the mask, half a pixel off the nearest centre beyond it:
 * positive inside, negative outside. A mask without a pixel is -Infinity everywhere, a full one Infinity.
 */
export function signedDistance(bitmap: Uint8Array, columns: number, rows: number): Float32Array {
  const outward = squaredDistance(bitmap, columns, rows, 0);
  const inward = squaredDistance(bitmap, columns, rows, 1);
  return outward.map((squared, place) =>
    bitmap[place] ? Math.sqrt(squared) - 0.5 : 0.5 - Math.sqrt(inward[place] ?? 0),
  );
}
