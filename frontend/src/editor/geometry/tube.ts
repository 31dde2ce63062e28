/** A vessel along a line: how wide it is at each point, and the mask of a tube as wide as that. */

import { stampStroke } from "../paint";
import { calmLine, type Place, spacedPoints } from "./path";

export interface TubePoint extends Place {
  /** Half of the width, in pixels. */
  radius: number;
}

const STEP = 0.5;
/** The edge lies where a profile has climbed this share: of a round vessel, half would lie well inside. */
const EDGE = 0.6;
/** The climb has ended where, over the next so many steps, less than this share of it is added. */
const [AHEAD, FLAT] = [3, 0.1];
const LEAST_RADIUS = 0.75;
/** Points before and after that share in a profile, and in the median of widths. */
const [SHARED, MEDIAN] = [2, 4];

/**
 * Measure a vessel along a line by the profile across it: its edges lie where grey values have climbed most of the way
 * from the middle to the nearest shoulder, on either side.
 *
 * @param grey the frame, slightly blurred, row-major
 * @param sign 1 for a vessel darker than what is around it, -1 for a brighter one
 * @param most the largest radius that is looked for, in pixels
 * @returns points one pixel apart, moved to the middle of the vessel
 */
export function measureTube(
  grey: Float32Array,
  columns: number,
  rows: number,
  line: readonly Place[],
  sign: 1 | -1,
  most: number,
): TubePoint[] {
  const points = spacedPoints(calmLine(line, 3), 1);
  const count = Math.round(most / STEP);
  const profiles = points.map((point, index) => {
    const [a, b] = [points[Math.max(0, index - 3)], points[Math.min(points.length - 1, index + 3)]];
    const length = a && b ? Math.hypot(b.x - a.x, b.y - a.y) : 0;
    const normal =
      a && b && length > 0 ? { x: -(b.y - a.y) / length, y: (b.x - a.x) / length } : { x: 0, y: 1 };
    const profile = new Float32Array(2 * count + 1);
    for (let step = -count; step <= count; step++) {
      const [x, y] = [point.x + step * STEP * normal.x, point.y + step * STEP * normal.y];
      profile[step + count] = sign * valueAt(grey, columns, rows, x, y);
    }
    return { normal, profile };
  });
  const edges = points.map((_, index) => {
    const mean = new Float32Array(2 * count + 1);
    const near = profiles.slice(Math.max(0, index - SHARED), index + SHARED + 1);
    for (const { profile } of near) {
      for (let at = 0; at < mean.length; at++) mean[at] = (mean[at] ?? 0) + (profile[at] ?? 0);
    }
    return edgesOf(mean, count);
  });
  const medianOf = (index: number, side: 0 | 1) => {
    const near = edges.slice(Math.max(0, index - MEDIAN), index + MEDIAN + 1);
    const sorted = near.map((edge) => edge[side]).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? LEAST_RADIUS;
  };
  return points.map((point, index) => {
    const [before, after] = [medianOf(index, 0), medianOf(index, 1)];
    const radius = Math.max(LEAST_RADIUS, (before + after) / 2);
    const shift = Math.min(Math.max((after - before) / 2, -2), 2);
    const normal = profiles[index]?.normal ?? { x: 0, y: 0 };
    return { x: point.x + shift * normal.x, y: point.y + shift * normal.y, radius };
  });
}

/** How far the two edges of the valley lie from the middle of a profile, each on its own side, in pixels. */
function edgesOf(profile: Float32Array, middle: number): [number, number] {
  // The line may run a little beside the deepest place.
  let lowest = middle;
  for (let at = middle - 3; at <= middle + 3; at++) {
    if ((profile[at] ?? 0) < (profile[lowest] ?? 0)) lowest = at;
  }
  const side = (direction: 1 | -1): number => {
    const bottom = profile[lowest] ?? 0;
    let end = lowest;
    for (let at = lowest + direction; at >= 0 && at < profile.length; at += direction) {
      if ((profile[at] ?? 0) <= (profile[end] ?? 0)) continue;
      end = at;
      const climb = (profile[at] ?? 0) - bottom;
      const ahead = (profile[at + AHEAD * direction] ?? Number.NEGATIVE_INFINITY) - (profile[at] ?? 0);
      if (Math.abs(at - lowest) > AHEAD && ahead < FLAT * climb) break;
    }
    const edge = bottom + EDGE * ((profile[end] ?? 0) - bottom);
    for (let at = lowest; at !== end; at += direction) {
      const [here, next] = [profile[at] ?? 0, profile[at + direction] ?? 0];
      if (next < edge) continue;
      return ((at - middle) * direction + (edge - here) / (next - here || 1)) * STEP;
    }
    return LEAST_RADIUS;
  };
  return [side(-1), side(1)];
}

/** The value between pixel centres, bilinear; beyond the border, that of the border. */
function valueAt(grey: Float32Array, columns: number, rows: number, x: number, y: number): number {
  const u = Math.min(Math.max(x - 0.5, 0), columns - 1);
  const v = Math.min(Math.max(y - 0.5, 0), rows - 1);
  const [left, top] = [Math.floor(u), Math.floor(v)];
  const [right, below] = [Math.min(left + 1, columns - 1), Math.min(top + 1, rows - 1)];
  const [a, b] = [u - left, v - top];
  const upper = (grey[top * columns + left] ?? 0) * (1 - a) + (grey[top * columns + right] ?? 0) * a;
  const lower = (grey[below * columns + left] ?? 0) * (1 - a) + (grey[below * columns + right] ?? 0) * a;
  return upper * (1 - b) + lower * b;
}

/** Draw a tube into a bitmap. */
export function stampTube(
  bitmap: Uint8Array,
  columns: number,
  rows: number,
  tube: readonly TubePoint[],
): void {
  tube.forEach((point, index) => {
    const from = tube[index - 1] ?? point;
    stampStroke(bitmap, columns, rows, from, point, (from.radius + point.radius) / 2, 1);
  });
}
