/**
 * How much each pixel looks like the middle of a vessel: the curvature across it over that along it, at several
 * widths, after A. Frangi et al., "Multiscale vessel enhancement filtering", MICCAI 1998. Gaussians are three running
 * means, so that the time depends on the pixels alone.
 */

/** Reaches of the running means: for vessels about 3, 6 and 12 pixels wide. */
const REACHES = [1, 2, 4];
/** Images of so many rows and columns are looked at in half of their resolution. */
const FINE = 768;
const STRONG_SHARE = 0.995;

export interface Ridges {
  /** 0 to 255: nothing like a vessel to as much as the strongest of this image. */
  dark: Uint8Array;
  bright: Uint8Array;
}

export function ridgesOf(grey: Float32Array, columns: number, rows: number): Ridges {
  // The vessels of a finer image are as many pixels wider: half of its pixels show them as well, in a quarter of the time.
  if (Math.min(columns, rows) >= FINE) {
    const [width, height] = [columns >> 1, rows >> 1];
    const half = ridgesOf(halved(grey, columns, width, height), width, height);
    const whole = (ridges: Uint8Array) => doubled(ridges, width, height, columns, rows);
    return { dark: whole(half.dark), bright: whole(half.bright) };
  }
  const dark = new Float32Array(grey.length);
  const bright = new Float32Array(grey.length);
  for (const reach of REACHES) {
    addCurvature(blur(grey, columns, rows, reach, 3), columns, rows, reach + 1, dark, bright);
  }
  return { dark: scaled(dark), bright: scaled(bright) };
}

function halved(grey: Float32Array, columns: number, width: number, height: number): Float32Array {
  const half = new Float32Array(width * height);
  for (let y = 0, place = 0; y < height; y++) {
    for (let x = 0, at = 2 * y * columns; x < width; x++, place++, at += 2) {
      const upper = (grey[at] ?? 0) + (grey[at + 1] ?? 0);
      const lower = (grey[at + columns] ?? 0) + (grey[at + columns + 1] ?? 0);
      half[place] = (upper + lower) / 4;
    }
  }
  return half;
}

function doubled(half: Uint8Array, width: number, height: number, columns: number, rows: number): Uint8Array {
  const whole = new Uint8Array(columns * rows);
  for (let y = 0, place = 0; y < rows; y++) {
    const row = Math.min(y >> 1, height - 1) * width;
    for (let x = 0; x < columns; x++, place++) whole[place] = half[row + Math.min(x >> 1, width - 1)] ?? 0;
  }
  return whole;
}

/** Running means of 2 reach + 1 pixels, along both axes, so many times; the border's values go on beyond it. */
export function blur(
  image: Float32Array,
  columns: number,
  rows: number,
  reach: number,
  times: number,
): Float32Array {
  const from = image.slice();
  const to = new Float32Array(image.length);
  for (let time = 0; time < times; time++) {
    alongRows(from, to, columns, rows, reach);
    alongColumns(to, from, columns, rows, reach);
  }
  return from;
}

function alongRows(from: Float32Array, to: Float32Array, columns: number, rows: number, reach: number): void {
  const share = 1 / (2 * reach + 1);
  for (let y = 0; y < rows; y++) {
    const start = y * columns;
    const last = start + columns - 1;
    let sum = (reach + 1) * (from[start] ?? 0);
    for (let step = 1; step <= reach; step++) sum += from[Math.min(start + step, last)] ?? 0;
    for (let at = start; at <= last; at++) {
      to[at] = sum * share;
      sum += (from[Math.min(at + reach + 1, last)] ?? 0) - (from[Math.max(at - reach, start)] ?? 0);
    }
  }
}

/** Row by row with one sum for each column: memory is walked through in its own order. */
function alongColumns(
  from: Float32Array,
  to: Float32Array,
  columns: number,
  rows: number,
  reach: number,
): void {
  const share = 1 / (2 * reach + 1);
  const sums = new Float32Array(columns);
  for (let x = 0; x < columns; x++) {
    let sum = (reach + 1) * (from[x] ?? 0);
    for (let step = 1; step <= reach; step++) sum += from[Math.min(step, rows - 1) * columns + x] ?? 0;
    sums[x] = sum;
  }
  for (let y = 0; y < rows; y++) {
    const row = y * columns;
    const entering = Math.min(y + reach + 1, rows - 1) * columns;
    const leaving = Math.max(y - reach, 0) * columns;
    for (let x = 0; x < columns; x++) {
      const sum = sums[x] ?? 0;
      to[row + x] = sum * share;
      sums[x] = sum + (from[entering + x] ?? 0) - (from[leaving + x] ?? 0);
    }
  }
}

function addCurvature(
  image: Float32Array,
  columns: number,
  rows: number,
  step: number,
  dark: Float32Array,
  bright: Float32Array,
): void {
  const line = step * columns;
  for (let y = step; y < rows - step; y++) {
    for (let x = step, at = y * columns + step; x < columns - step; x++, at++) {
      const middle = 2 * (image[at] ?? 0);
      const xx = (image[at - step] ?? 0) + (image[at + step] ?? 0) - middle;
      const yy = (image[at - line] ?? 0) + (image[at + line] ?? 0) - middle;
      const below = (image[at + line + step] ?? 0) - (image[at + line - step] ?? 0);
      const above = (image[at - line + step] ?? 0) - (image[at - line - step] ?? 0);
      const xy = (below - above) / 4;
      const mean = (xx + yy) / 2;
      const half = (xx - yy) / 2;
      const spread = Math.sqrt(half * half + xy * xy);
      const most = mean + spread;
      const least = mean - spread;
      if (most > -least) {
        const strength = most - Math.abs(least) / 2;
        if (strength > (dark[at] ?? 0)) dark[at] = strength;
      } else {
        const strength = -least - Math.abs(most) / 2;
        if (strength > (bright[at] ?? 0)) bright[at] = strength;
      }
    }
  }
}

/** Bring values to 0..255, all but the strongest few in proportion. */
function scaled(values: Float32Array): Uint8Array {
  const sample: number[] = [];
  for (let place = 0; place < values.length; place += 7) {
    const value = values[place] ?? 0;
    if (value > 0) sample.push(value);
  }
  sample.sort((a, b) => a - b);
  const strong = sample[Math.floor(sample.length * STRONG_SHARE)] ?? 1;
  return Uint8Array.from(values, (value) => Math.min(255, (255 * value) / strong));
}
