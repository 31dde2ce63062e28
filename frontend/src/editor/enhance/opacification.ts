/**
 * How well vessels are filled with contrast, frame by frame, so that a reader need not look for the best ones.
 *
 * A filled vessel is a dark line: darker than both of its sides and even along itself. Edges (diaphragm, collimator) are
 * darker than one side only, and what is there all the time (catheter, ribs, wires) is taken away as the rest that
 * each place shows in the emptiest frames.
 */

import type { FramePixels } from "../frames";
import { factorFor, shrink, smooth } from "./shrink";

const SIDE = 160;
/** Half widths of the lines that are looked for, in pixels of the small picture. */
const REACHES = [2, 4] as const;
/** Response of 1 in a map: a difference in the natural logarithm of intensity. */
const UNIT = 1 / 250;
const DIRECTIONS = [
  [1, 0],
  [1, 1],
  [0, 1],
  [-1, 1],
] as const;

/** Where a frame is darker than both sides: one byte a pixel of the small picture. */
export interface LineMap {
  rows: number;
  columns: number;
  values: Uint8Array;
}

/** The lines of one frame. `span` is the range of grey values of the cine, above which a little is added to all. */
export function lineMap(
  frame: FramePixels,
  rows: number,
  columns: number,
  span: number,
  bright = false,
): LineMap {
  const small = shrink(frame, rows, columns, factorFor(rows, columns, SIDE));
  const floor = 0.06 * span;
  const sign = bright ? -1 : 1;
  for (let place = 0; place < small.values.length; place++) {
    small.values[place] = (sign * Math.log((small.values[place] as number) + floor)) / UNIT;
  }
  const log = smooth(small).values;
  const values = new Uint8Array(log.length);
  for (const reach of REACHES) {
    const steps = DIRECTIONS.map(([dx, dy]) => {
      const length = dx && dy ? Math.round(reach * Math.SQRT1_2) || 1 : reach;
      return length * (dy * small.columns + dx);
    });
    for (let y = reach; y < small.rows - reach; y++) {
      for (let x = reach; x < small.columns - reach; x++) {
        const place = y * small.columns + x;
        const here = log[place] as number;
        let best = values[place] as number;
        for (let way = 0; way < 4; way++) {
          const across = steps[way] as number;
          const along = steps[(way + 2) & 3] as number;
          const dark = Math.min(log[place - across] as number, log[place + across] as number) - here;
          if (dark <= best) continue;
          // A spot or grain is darker along itself too; a line is not.
          const uneven = Math.abs(
            ((log[place - along] as number) + (log[place + along] as number)) / 2 - here,
          );
          if (dark - uneven > best) best = dark - uneven;
        }
        values[place] = Math.min(best, 255);
      }
    }
  }
  return { rows: small.rows, columns: small.columns, values };
}

const QUANTILE = 0.1;
const MOST_COMPARED = 30;
/** What a place shows in its emptiest frames counts for nothing, nor do responses hardly above it: they are grain. */
const LEAST = 8;

/** What each place shows when it shows least: a low quantile over frames spread over the cine. */
function standing(maps: readonly LineMap[]): Uint8Array {
  const count = Math.min(maps.length, MOST_COMPARED);
  const compared = Array.from({ length: count }, (_, index) => {
    return maps[Math.floor((index * maps.length) / count)]?.values ?? new Uint8Array(0);
  });
  const found = new Uint8Array(compared[0]?.length ?? 0);
  const column = new Uint8Array(count);
  for (let place = 0; place < found.length; place++) {
    for (let index = 0; index < count; index++) column[index] = compared[index]?.[place] as number;
    column.sort();
    found[place] = column[Math.floor(QUANTILE * (count - 1))] as number;
  }
  return found;
}

/** How well each frame is filled, the best being 1; all 0 when no line ever comes or goes. */
export function scoresOf(maps: readonly LineMap[]): Float32Array {
  const rest = standing(maps);
  const scores = new Float32Array(maps.length);
  maps.forEach(({ values }, frame) => {
    let sum = 0;
    for (let place = 0; place < values.length; place++) {
      const more = (values[place] as number) - (rest[place] as number) - LEAST;
      if (more > 0) sum += more;
    }
    scores[frame] = sum;
  });
  const best = scores.reduce((most, score) => Math.max(most, score), 0);
  return best > 0 ? scores.map((score) => score / best) : scores;
}

/** The places of the best scores, best first, none within `gap` of a better one: neighbours look alike. */
export function bestPlaces(scores: ArrayLike<number>, count: number, gap: number): number[] {
  const order = Array.from(scores, (_, place) => place).filter((place) => (scores[place] as number) > 0);
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  const chosen: number[] = [];
  for (const place of order) {
    if (chosen.length === count) break;
    if (chosen.every((other) => Math.abs(other - place) > gap)) chosen.push(place);
  }
  return chosen;
}

/** The emptiest place up to the best one: the natural mask of a subtraction. */
export function emptiestPlace(scores: ArrayLike<number>): number {
  const [best = 0] = bestPlaces(scores, 1, 0);
  let found = 0;
  for (let place = 0; place <= best; place++) {
    if ((scores[place] as number) < (scores[found] as number)) found = place;
  }
  return found;
}
