import { describe, expect, it } from "vitest";
import { iou, randomOf, TREE_SIDE, treeBranches, treeMask, treePicture } from "../../testing/masks";
import { costsOf, LiveWire } from "./livewire";
import { lengthOf, type Place } from "./path";
import { blur, ridgesOf } from "./ridges";
import { measureTube, stampTube } from "./tube";

const SIDE = TREE_SIDE;

/** Mean distance of the points of a line from another line. */
function apart(line: readonly Place[], other: readonly Place[]): number {
  const nearest = (point: Place) =>
    Math.min(...other.map((known) => Math.hypot(known.x - point.x, known.y - point.y)));
  return line.reduce((sum, point) => sum + nearest(point), 0) / line.length;
}

describe("the cheapest way", () => {
  it("is as cheap as the one found by looking at every step again and again", () => {
    const random = randomOf(11);
    const [columns, rows] = [12, 9];
    const costs = Uint8Array.from({ length: columns * rows }, () => 1 + Math.floor(random() * 64));
    const distance = new Float64Array(costs.length).fill(Number.POSITIVE_INFINITY);
    const start = 4 * columns + 5;
    distance[start] = 0;
    const stepOf = (a: number, b: number) => {
      const isStraight = a % columns === b % columns || Math.abs(a - b) === 1;
      return ((costs[a] ?? 0) + (costs[b] ?? 0)) * (isStraight ? 5 : 7);
    };
    for (let round = 0; round < costs.length; round++) {
      for (let place = 0; place < costs.length; place++) {
        for (const [dx, dy] of [
          [1, 0],
          [0, 1],
          [1, 1],
          [-1, 1],
        ] as const) {
          const [x, y] = [(place % columns) + dx, Math.floor(place / columns) + dy];
          if (x < 0 || x >= columns || y >= rows) continue;
          const next = y * columns + x;
          const step = stepOf(place, next);
          distance[next] = Math.min(distance[next] ?? 0, (distance[place] ?? 0) + step);
          distance[place] = Math.min(distance[place] ?? 0, (distance[next] ?? 0) + step);
        }
      }
    }
    const wire = new LiveWire(costs, columns, rows, { x: 5.5, y: 4.5 }, 50);
    for (let place = 0; place < costs.length; place++) {
      const line = wire.pathTo({ x: (place % columns) + 0.5, y: Math.floor(place / columns) + 0.5 });
      const places = line.map((point) => Math.floor(point.y) * columns + Math.floor(point.x));
      let length = 0;
      for (let index = 1; index < places.length; index++)
        length += stepOf(places[index - 1] ?? 0, places[index] ?? 0);
      expect(places[0]).toBe(start);
      expect(places.at(-1)).toBe(place);
      expect(length).toBe(distance[place]);
    }
  });

  it("stays within its window, towards a point beyond it", () => {
    const wire = new LiveWire(new Uint8Array(100 * 100).fill(9), 100, 100, { x: 50, y: 50 }, 10);
    expect(wire.pathTo({ x: 99, y: 50 }).at(-1)).toEqual({ x: 60.5, y: 50.5 });
    expect(wire.pathTo({ x: -5, y: 120 })).toHaveLength(11);
  });

  it("follows the vessel from end to end, dark or bright, through noise", () => {
    for (const sign of [1, -1]) {
      const grey = treePicture(randomOf(12), 8).map((value) => (sign > 0 ? value : 255 - value));
      const ridges = ridgesOf(grey, SIDE, SIDE);
      const costs = costsOf(sign > 0 ? ridges.dark : ridges.bright);
      for (const branch of treeBranches()) {
        const [first, last] = [branch[4], branch.at(-12)];
        if (!first || !last) throw new Error("a branch has points");
        const line = new LiveWire(costs, SIDE, SIDE, first, 320).pathTo(last);
        expect(apart(line, branch)).toBeLessThan(1.2);
        expect(lengthOf(line)).toBeLessThan(1.25 * lengthOf(branch));
      }
    }
  });
});

describe("the tube along a line", () => {
  it("is as wide as the vessel, dark or bright", () => {
    for (const sign of [1, -1] as const) {
      const grey = treePicture(randomOf(13), 5).map((value) => (sign > 0 ? value : 255 - value));
      const calm = blur(grey, SIDE, SIDE, 1, 1);
      const [branch] = treeBranches();
      if (!branch) throw new Error("the tree has a branch");
      const tube = measureTube(calm, SIDE, SIDE, branch, sign, 16);
      const errors = tube.slice(5, -5).map((point) => {
        const nearest = branch.reduce((best, known) =>
          Math.hypot(known.x - point.x, known.y - point.y) < Math.hypot(best.x - point.x, best.y - point.y)
            ? known
            : best,
        );
        return Math.abs(point.radius - nearest.radius);
      });
      expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(0.8);
      const drawn = new Uint8Array(SIDE * SIDE);
      stampTube(drawn, SIDE, SIDE, tube);
      expect(iou(drawn, treeMask([branch]))).toBeGreaterThan(0.75);
    }
  });

  it("finds its way back when the line lies beside the middle", () => {
    const grey = blur(treePicture(randomOf(14), 3), SIDE, SIDE, 1, 1);
    const branch = treeBranches()[0]?.slice(10, 120) ?? [];
    const beside = branch.map((point) => ({ x: point.x + 1, y: point.y - 1 }));
    const tube = measureTube(grey, SIDE, SIDE, beside, 1, 16);
    expect(apart(tube, branch)).toBeLessThan(apart(beside, branch) / 1.5);
  });

  it("of a flat picture, a single point, or along the border is thin and no trouble", () => {
    const flat = new Float32Array(SIDE * SIDE).fill(90);
    const tube = measureTube(
      flat,
      SIDE,
      SIDE,
      [
        { x: 0, y: 0 },
        { x: SIDE, y: 0 },
      ],
      1,
      16,
    );
    expect(tube.every((point) => point.radius > 0 && point.radius <= 1.5)).toBe(true);
    expect(measureTube(flat, SIDE, SIDE, [{ x: 5, y: 5 }], 1, 16)).toHaveLength(1);
  });
});
