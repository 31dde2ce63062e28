/** Grow, shrink and smooth a mask. What lies beyond the border of the image counts neither way. */

import { boundsOf, cut, spread } from "./crop";
import { type Spacing, squaredDistance } from "./distance";

/** A pixel at the radius counts as within it, whatever rounding has made of its distance. */
const ROUNDING = 1e-5;

/** Add every pixel whose centre lies within a radius of the mask: in pixels, or in the unit of a spacing. */
export function grow(
  bitmap: Uint8Array,
  columns: number,
  rows: number,
  radius: number,
  spacing: Spacing = [1, 1],
): Uint8Array {
  return withinRadius(bitmap, columns, rows, radius, spacing, 1);
}

/** Take away every pixel whose centre lies within a radius of the background. */
export function shrink(
  bitmap: Uint8Array,
  columns: number,
  rows: number,
  radius: number,
  spacing: Spacing = [1, 1],
): Uint8Array {
  return withinRadius(bitmap, columns, rows, radius, spacing, 0);
}

/** Give every pixel within a radius of one that has a value that value too. */
function withinRadius(
  bitmap: Uint8Array,
  columns: number,
  rows: number,
  radius: number,
  spacing: Spacing,
  value: 0 | 1,
): Uint8Array {
  const part = boundsOf([bitmap], columns, rows, Math.ceil(radius / Math.min(...spacing)) + 1);
  if (!part) return bitmap.slice();
  const squared = squaredDistance(cut(bitmap, columns, part), part.width, part.height, value, spacing);
  const reach = radius * radius * (1 + ROUNDING);
  const made = Uint8Array.from(squared, (distance) => (distance <= reach ? value : 1 - value));
  return spread(made, part, columns, rows);
}

const PASSES = 3;
/** A pixel is thin where no disk of this radius within the mask covers it. */
const THIN_RADIUS = 2.3;

/**
 * Smooth the border of a mask by the majority of the pixels around, without erasing thin vessels.
 *
 * Only pixels whose change leaves pieces and holes as they are may change ("simple" ones), and no end of a line is
 * taken away; so every vessel stays, joined as it was. Where the mask is thin, 3 x 3 pixels vote instead of a disk of
 * 21, which there would always find a majority of background.
 */
export function smooth(bitmap: Uint8Array, columns: number, rows: number): Uint8Array {
  const part = boundsOf([bitmap], columns, rows, 3);
  if (!part) return bitmap.slice();
  const { width, height } = part;
  const mask = cut(bitmap, columns, part);
  const core = grow(shrink(mask, width, height, THIN_RADIUS), width, height, THIN_RADIUS);
  for (let pass = 0; pass < PASSES; pass++) {
    const votes = majority(mask, core, width, height);
    let isChanged = false;
    for (let place = 0; place < mask.length; place++) {
      if (votes[place] === mask[place]) continue;
      const around = neighbourhood(mask, width, height, place);
      if (!isSimple(around)) continue;
      if (mask[place] && isEnd(around)) continue;
      mask[place] = votes[place] ?? 0;
      isChanged = true;
    }
    if (!isChanged) break;
  }
  return spread(mask, part, columns, rows);
}

function majority(mask: Uint8Array, core: Uint8Array, width: number, height: number): Uint8Array {
  const votes = new Uint8Array(mask.length);
  for (let y = 0, place = 0; y < height; y++) {
    for (let x = 0; x < width; x++, place++) {
      const reach = mask[place] && !core[place] ? 1 : 2;
      let set = 0;
      let all = 0;
      for (let v = Math.max(0, y - reach); v <= Math.min(height - 1, y + reach); v++) {
        for (let u = Math.max(0, x - reach); u <= Math.min(width - 1, x + reach); u++) {
          if (reach === 2 && Math.abs(u - x) === 2 && Math.abs(v - y) === 2) continue;
          all++;
          set += mask[v * width + u] ?? 0;
        }
      }
      votes[place] = 2 * set > all ? 1 : 0;
    }
  }
  return votes;
}

/** The 8 neighbours clockwise from the one above, as bits; outside the image is background. */
function neighbourhood(mask: Uint8Array, width: number, height: number, place: number): number {
  const x = place % width;
  const y = (place - x) / width;
  let bits = 0;
  for (let turn = 0; turn < 8; turn++) {
    const u = x + (RING_X[turn] ?? 0);
    const v = y + (RING_Y[turn] ?? 0);
    if (u >= 0 && v >= 0 && u < width && v < height && mask[v * width + u]) bits |= 1 << turn;
  }
  return bits;
}

const RING_X = [0, 1, 1, 1, 0, -1, -1, -1];
const RING_Y = [-1, -1, 0, 1, 1, 1, 0, -1];

/** The end of a line: one neighbour, or two that are neighbours of each other. */
function isEnd(around: number): boolean {
  let count = 0;
  for (let turn = 0; turn < 8; turn++) count += (around >> turn) & 1;
  if (count <= 1) return true;
  const next = ((around << 1) | (around >> 7)) & 0xff;
  return count === 2 && (around & next) !== 0;
}

/**
 * Whether a pixel with these neighbours may change without joining, parting, making or closing anything: there is
 * exactly one run of background that touches it by a side (Yokoi's 8-connectivity number is one).
 */
function isSimple(around: number): boolean {
  let number = 0;
  for (let side = 0; side < 8; side += 2) {
    const here = 1 - ((around >> side) & 1);
    const corner = 1 - ((around >> (side + 1)) & 1);
    const beyond = 1 - ((around >> ((side + 2) % 8)) & 1);
    number += here - here * corner * beyond;
  }
  return number === 1;
}
