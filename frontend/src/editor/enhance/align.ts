/** Find the shift that lays the mask of a subtraction onto a frame. */

import { type Pixels, type Small, shrink, smooth } from "./shrink";
import { type Grey, LOG_RANGE, SHIFT_STEP, type Shift, STORED_SHARE } from "./subtraction";

const FARTHEST = 16;
/** Logarithms that differ by more cost no more: vessels, which only one of the two shows, must not pull. */
const MOST_COST = 0.1;
const MOST_SAMPLES = 10_000;
const LEAST_SIDE = 48;

/** Natural logarithms of stored values, or of those that are logarithms of some kind, about as large. */
function logOf({ window: [low, high], isLinear = true }: Pick<Grey, "window" | "isLinear">) {
  const span = Math.max(high - low, 1);
  if (isLinear) return (value: number) => Math.log(value + span / 16);
  return (value: number) => (value * LOG_RANGE) / (STORED_SHARE * span);
}

function logsOf(
  pixels: Pixels,
  rows: number,
  columns: number,
  factor: number,
  log: (value: number) => number,
): Small {
  const small = shrink(pixels, rows, columns, factor);
  for (let place = 0; place < small.values.length; place++) {
    small.values[place] = log(small.values[place] as number);
  }
  // Interpolation takes noise away, and so would make every shift between pixels look better than it is.
  return smooth(small);
}

/** How unlike a frame and a mask shifted by (dx, dy) are, a difference of brightness over all aside. */
function unlikeness(frame: Small, mask: Small, [dx, dy]: Shift, margin: number, brighter: number): number {
  const { rows, columns } = frame;
  const [left, up] = [Math.floor(-dx), Math.floor(-dy)];
  const [fx, fy] = [-dx - left, -dy - up];
  const step = Math.max(1, Math.floor(Math.sqrt((rows * columns) / MOST_SAMPLES)));
  let cost = 0;
  for (let y = margin; y < rows - margin; y += step) {
    for (let x = margin; x < columns - margin; x += step) {
      const at = (y + up) * columns + x + left;
      const top = (mask.values[at] as number) * (1 - fx) + (mask.values[at + 1] as number) * fx;
      const below = at + columns;
      const bottom = (mask.values[below] as number) * (1 - fx) + (mask.values[below + 1] as number) * fx;
      const masked = top * (1 - fy) + bottom * fy;
      cost += Math.min(Math.abs((frame.values[y * columns + x] as number) - masked - brighter), MOST_COST);
    }
  }
  return cost;
}

/** The median difference: how much brighter the frame is where it is like the mask. */
function brightnessOf(frame: Small, mask: Small): number {
  const differences = frame.values.map((value, place) => value - (mask.values[place] as number)).sort();
  return differences[differences.length >> 1] ?? 0;
}

/**
 * The shift of the mask, in pixels to the right and down, that makes it most like the frame outside the vessels. It is
 * looked for on pictures a quarter, half and as large, each from what the one before found, and then between pixels.
 * `pause` is awaited between the pictures.
 */
export async function align(
  frame: Pixels,
  mask: Pixels,
  rows: number,
  columns: number,
  grey: Pick<Grey, "window" | "isLinear">,
  pause: () => Promise<unknown>,
): Promise<Shift> {
  const farthest = Math.min(FARTHEST, Math.floor(Math.min(rows, columns) / 8));
  const log = logOf(grey);
  let best: Shift | undefined;
  let brighter: number | undefined;
  for (const factor of [4, 2, 1]) {
    if (factor > 1 && Math.min(rows, columns) / factor < LEAST_SIDE) continue;
    await pause();
    const of = logsOf(frame, rows, columns, factor, log);
    const from = logsOf(mask, rows, columns, factor, log);
    brighter ??= brightnessOf(of, from);
    const limit = farthest / factor;
    const margin = Math.ceil(limit) + 2;
    const around = (centre: Shift, reach: number, step: number): Shift => {
      let [found, least] = [centre, unlikeness(of, from, centre, margin, brighter as number)];
      for (let y = -reach; y <= reach; y++) {
        for (let x = -reach; x <= reach; x++) {
          const shift: Shift = [centre[0] + x * step, centre[1] + y * step];
          if (Math.max(Math.abs(shift[0]), Math.abs(shift[1])) > limit) continue;
          const cost = unlikeness(of, from, shift, margin, brighter as number);
          if (cost < least) [found, least] = [shift, cost];
        }
      }
      return found;
    };
    const whole: Shift = best
      ? around([best[0] / factor, best[1] / factor], 2, 1)
      : around([0, 0], Math.floor(limit), 1);
    const fine = factor === 1 ? around(whole, 1 / SHIFT_STEP - 1, SHIFT_STEP) : whole;
    best = [fine[0] * factor, fine[1] * factor];
  }
  return best ?? [0, 0];
}
