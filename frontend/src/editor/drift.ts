/**
 * Where the mask of one label jumps between neighbouring frames: a tracker that has slipped to another structure.
 *
 * A heart moves, and its masks with it. A change is therefore measured against what is usual for that label over the
 * cine (the median change from frame to frame), and has to be large besides.
 */

import type { Moments } from "./moments";

export interface LabelFrame extends Moments {
  frameIndex: number;
  /** Drawn, prompted or accepted: the reader answers for it. */
  isKey: boolean;
}

export interface Jump {
  frameIndex: number;
  kind: "area" | "position";
  /** Times the usual: area of this frame over that of the one before, or pixels that the centre has moved. */
  amount: number;
}

/** How many times the median change a jump has. */
const UNUSUAL = 4;
/** The least change of area that is a jump, as a part of the label's median area. */
const AREA = 0.3;
/** The least move of the centre that is a jump, as a part of the square root of the label's median area. */
const MOVE = 0.35;
const MOVE_PIXELS = 2;
/** With fewer pairs of neighbouring masks nothing is usual yet. */
const FEWEST_PAIRS = 4;

interface Pair {
  before: LabelFrame;
  after: LabelFrame;
  area: number;
  move: number;
}

/**
 * The frames of one label at which its mask jumps, in order.
 *
 * @param frames its masks that are not empty, in the order of their frames
 */
export function jumpsOf(frames: readonly LabelFrame[]): Jump[] {
  const pairs: Pair[] = [];
  for (let place = 1; place < frames.length; place++) {
    const [before, after] = [frames[place - 1], frames[place]];
    if (!before || !after || after.frameIndex !== before.frameIndex + 1) continue;
    const move = Math.hypot(after.x - before.x, after.y - before.y);
    pairs.push({ before, after, area: Math.abs(after.area - before.area), move });
  }
  if (pairs.length < FEWEST_PAIRS) return [];
  const size = median(frames.map((frame) => frame.area));
  const areaLimit = Math.max(AREA * size, UNUSUAL * median(pairs.map((pair) => pair.area)));
  const usualMove = median(pairs.map((pair) => pair.move));
  const moveLimit = Math.max(MOVE * Math.sqrt(size), MOVE_PIXELS, UNUSUAL * usualMove);
  const found = new Map<number, Jump>();
  let previous: Pair | undefined;
  for (const pair of pairs) {
    const kind = pair.area > areaLimit ? "area" : pair.move > moveLimit ? "position" : undefined;
    // A single bad frame jumps twice, in and out: only the way in is told.
    const isWayOut = previous?.after === pair.before && found.has(pair.before.frameIndex);
    const culprit = pair.after.isKey ? pair.before : pair.after;
    previous = pair;
    if (!kind || isWayOut || culprit.isKey) continue;
    const amount = kind === "area" ? pair.after.area / pair.before.area : pair.move;
    found.set(culprit.frameIndex, { frameIndex: culprit.frameIndex, kind, amount });
  }
  return [...found.values()].sort((a, b) => a.frameIndex - b.frameIndex);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
