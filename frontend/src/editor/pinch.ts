/** Two fingers on the image: how it moves and grows so that what lies under them stays under them. */

export interface Spot {
  x: number;
  y: number;
}

export interface PinchStep {
  /** First move by this much ... */
  dx: number;
  dy: number;
  /** ... then grow by this factor about this place. */
  factor: number;
  x: number;
  y: number;
}

/** Fingers that nearly touch say nothing about size. */
const LEAST_DISTANCE = 12;

export function pinchStep(before: readonly [Spot, Spot], after: readonly [Spot, Spot]): PinchStep {
  const [from, to] = [middle(before), middle(after)];
  const [narrow, wide] = [distance(before), distance(after)];
  const factor = Math.min(narrow, wide) < LEAST_DISTANCE ? 1 : wide / narrow;
  return { dx: to.x - from.x, dy: to.y - from.y, factor, ...to };
}

function middle([a, b]: readonly [Spot, Spot]): Spot {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function distance([a, b]: readonly [Spot, Spot]): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
