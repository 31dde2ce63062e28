/**
 * Digital subtraction angiography: what contrast medium takes away from the light of a frame without it.
 *
 * X-rays weaken exponentially (Beer and Lambert), so the difference of the logarithms of two frames is the path through
 * contrast medium alone, whatever lies before and behind it; a difference of the intensities themselves would not be.
 * Of a cine that holds logarithms already, or values made for display, the difference is that of the values.
 */

import type { FramePixels } from "../frames";
import type { CineInfo } from "../types";

/** The smallest step of the pixel shift. */
export const SHIFT_STEP = 0.25;
export const LARGEST_SHIFT = 32;
/** Of a mask: pixels to the right and down. */
export type Shift = readonly [number, number];
/** Differences of the logarithm that fill the window: half of them up, half of them down from mid-grey. */
export const LOG_RANGE = 1.4;
/** The same of values that are logarithms already, as a share of the cine's window. */
export const STORED_SHARE = 0.5;

/** Of a cine: where its grey values lie. */
export interface Grey {
  /** The cine's own window, [low, high] in stored values. */
  window: readonly [number, number];
  /** The largest value that a pixel can store. */
  largest: number;
  /** Whether they are intensities, whose logarithms are to be taken; PS3.3 C.8.7.1.1.2. */
  isLinear?: boolean;
}

/** What is not known to be anything else counts as linear, as most angiograms that do not say it are. */
export function isLinear(relationship: CineInfo["intensityRelationship"]): boolean {
  return relationship !== "LOG" && relationship !== "DISP";
}

/** From a stored value, or one between two, to its logarithm in grey values of the result; the offset keeps black finite. */
function logOf({ window: [low, high], isLinear = true }: Grey): (value: number) => number {
  if (!isLinear) return (value) => value / STORED_SHARE;
  const gain = Math.max(high - low, 1) / LOG_RANGE;
  const offset = Math.max(1, (high - low) / 64);
  return (value) => gain * Math.log(value + offset);
}

/** Logarithms of every value that a pixel can have, in grey values of the result. */
export function logTable(grey: Grey): Float32Array {
  const log = logOf(grey);
  return Float32Array.from({ length: grey.largest + 1 }, (_, value) => log(value));
}

/** Mean of some frames, pixel by pixel. */
export function meanOf(frames: readonly FramePixels[]): Float32Array {
  const mean = new Float32Array(frames[0]?.length ?? 0);
  for (const frame of frames) {
    for (let place = 0; place < mean.length; place++) {
      mean[place] = (mean[place] as number) + (frame[place] as number) / frames.length;
    }
  }
  return mean;
}

/**
 * A mask shifted by (dx, dy) pixels to the right and down, as logarithms in grey values of the result. Between pixels it
 * is interpolated linearly; beyond its border the border goes on.
 */
export function shiftedLog(
  mask: Float32Array,
  rows: number,
  columns: number,
  [dx, dy]: Shift,
  grey: Grey,
): Float32Array {
  const log = logOf(grey);
  const shifted = new Float32Array(mask.length);
  const [left, up] = [Math.floor(-dx), Math.floor(-dy)];
  const [fx, fy] = [-dx - left, -dy - up];
  const inRow = (y: number) => Math.min(Math.max(y, 0), rows - 1) * columns;
  const inColumn = (x: number) => Math.min(Math.max(x, 0), columns - 1);
  for (let y = 0, place = 0; y < rows; y++) {
    const [above, below] = [inRow(y + up), inRow(y + up + 1)];
    for (let x = 0; x < columns; x++, place++) {
      const [x0, x1] = [inColumn(x + left), inColumn(x + left + 1)];
      const top = (mask[above + x0] as number) * (1 - fx) + (mask[above + x1] as number) * fx;
      const bottom = (mask[below + x0] as number) * (1 - fx) + (mask[below + x1] as number) * fx;
      shifted[place] = log(top * (1 - fy) + bottom * fy);
    }
  }
  return shifted;
}

/** A frame less a mask that `shiftedLog` made: where they are alike the result is mid-grey. */
export function subtract(
  frame: FramePixels,
  mask: Float32Array,
  table: Float32Array,
  { window: [low, high], largest }: Grey,
  result: FramePixels,
): void {
  const middle = (low + high) / 2 + 0.5;
  for (let place = 0; place < result.length; place++) {
    const value = middle + (table[frame[place] as number] as number) - (mask[place] as number);
    result[place] = value < 0 ? 0 : value > largest ? largest : value;
  }
}
