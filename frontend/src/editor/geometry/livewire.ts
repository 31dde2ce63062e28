/**
 * The cheapest way over an image from one pixel, by 8 neighbours: live-wire, after W. Barrett, E. Mortensen,
 * "Interactive live-wire boundary extraction", Medical Image Analysis 1 (1997).
 *
 * Costs are small whole numbers, so that a ring of buckets serves as the queue. The search goes only as far as it has
 * been asked for and is taken up where it stopped: while the pointer moves about one start, no pixel is settled twice.
 */

import type { Place } from "./path";

/** More than the largest cost of one step, a power of two. */
const BUCKETS = 1024;
const [STRAIGHT, DIAGONAL] = [5, 7];
const DEAREST = 64;

/** Costs of 1 (on the strongest ridge) to 64 (no ridge) for the strengths of ridges. */
export function costsOf(ridges: Uint8Array): Uint8Array {
  const table = Uint8Array.from({ length: 256 }, (_, strength) =>
    Math.round(1 + (DEAREST - 1) * (1 - Math.sqrt(strength / 255))),
  );
  return ridges.map((strength) => table[strength] ?? DEAREST);
}

export class LiveWire {
  private readonly left: number;
  private readonly top: number;
  private readonly width: number;
  private readonly height: number;
  private readonly costs: Uint8Array;
  private readonly distances: Int32Array;
  /** The pixel before, of each pixel reached; -1 for none. */
  private readonly before: Int32Array;
  private readonly isSettled: Uint8Array;
  private readonly buckets: number[][] = Array.from({ length: BUCKETS }, () => []);
  private queued = 1;
  private reached = 0;

  /**
   * @param costs of each pixel, 1 to 64
   * @param start in image pixels
   * @param reach how far from the start, along either axis, ways are looked for
   */
  constructor(costs: Uint8Array, columns: number, rows: number, start: Place, reach: number) {
    const [x, y] = [Math.floor(start.x), Math.floor(start.y)];
    this.left = Math.max(0, x - reach);
    this.top = Math.max(0, y - reach);
    this.width = Math.min(columns, x + reach + 1) - this.left;
    this.height = Math.min(rows, y + reach + 1) - this.top;
    this.costs = new Uint8Array(this.width * this.height);
    for (let row = 0; row < this.height; row++) {
      const from = (this.top + row) * columns + this.left;
      this.costs.set(costs.subarray(from, from + this.width), row * this.width);
    }
    this.distances = new Int32Array(this.costs.length).fill(-1);
    this.before = new Int32Array(this.costs.length).fill(-1);
    this.isSettled = new Uint8Array(this.costs.length);
    const seed = (y - this.top) * this.width + x - this.left;
    this.distances[seed] = 0;
    this.buckets[0]?.push(seed);
  }

  /** The way from the start to a point, by pixel centres; a point out of reach is replaced by the nearest in reach. */
  pathTo(target: Place): Place[] {
    const x = Math.min(Math.max(Math.floor(target.x) - this.left, 0), this.width - 1);
    const y = Math.min(Math.max(Math.floor(target.y) - this.top, 0), this.height - 1);
    const goal = y * this.width + x;
    this.settle(goal);
    const line: Place[] = [];
    for (let place = goal; place >= 0; place = this.before[place] ?? -1) {
      const column = place % this.width;
      line.push({ x: this.left + column + 0.5, y: this.top + (place - column) / this.width + 0.5 });
    }
    return line.reverse();
  }

  private settle(goal: number): void {
    while (!this.isSettled[goal] && this.queued > 0) {
      const place = this.buckets[this.reached & (BUCKETS - 1)]?.pop();
      if (place === undefined) {
        this.reached++;
        continue;
      }
      this.queued--;
      if (this.isSettled[place]) continue;
      this.isSettled[place] = 1;
      this.relax(place);
    }
  }

  private relax(place: number): void {
    const { width, height, distances } = this;
    const x = place % width;
    const y = (place - x) / width;
    const distance = distances[place] ?? 0;
    const cost = this.costs[place] ?? DEAREST;
    for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
        const next = v * width + u;
        if (this.isSettled[next]) continue;
        const step = (cost + (this.costs[next] ?? DEAREST)) * (u === x || v === y ? STRAIGHT : DIAGONAL);
        const known = distances[next] ?? -1;
        if (known >= 0 && known <= distance + step) continue;
        distances[next] = distance + step;
        this.before[next] = place;
        this.buckets[(distance + step) & (BUCKETS - 1)]?.push(next);
        this.queued++;
      }
    }
  }
}
