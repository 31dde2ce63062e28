import { describe, expect, it } from "vitest";
import { areaOf, drawn, randomMask, randomOf, shown } from "../../testing/masks";
import { calmLine, lengthOf, spacedPoints } from "./path";
import { fillPolygon } from "./polygon";
import { divide } from "./split";
import { translate, Warp } from "./warp";

const SIDE = 24;

describe("a polygon", () => {
  it("holds the pixels whose centres lie in it by the even-odd rule", () => {
    const random = randomOf(7);
    for (let round = 0; round < 40; round++) {
      const corners = Array.from({ length: 3 + Math.floor(random() * 5) }, () => ({
        x: (random() * 1.4 - 0.2) * SIDE,
        y: (random() * 1.4 - 0.2) * SIDE,
      }));
      const bitmap = new Uint8Array(SIDE * SIDE);
      const inside = fillPolygon(bitmap, SIDE, SIDE, corners);
      expect(inside).toBe(areaOf(bitmap));
      for (let y = 0; y < SIDE; y++) {
        for (let x = 0; x < SIDE; x++) {
          let isIn = false;
          corners.forEach((from, index) => {
            const to = corners[(index + 1) % corners.length] ?? from;
            if (from.y <= y + 0.5 === to.y <= y + 0.5) return;
            if (from.x + ((y + 0.5 - from.y) / (to.y - from.y)) * (to.x - from.x) > x + 0.5) isIn = !isIn;
          });
          expect(bitmap[y * SIDE + x]).toBe(isIn ? 1 : 0);
        }
      }
    }
  });

  it("next to another leaves no gap and no overlap", () => {
    const corner = (x: number, y: number) => ({ x, y });
    const left = new Uint8Array(100);
    const right = new Uint8Array(100);
    fillPolygon(left, 10, 10, [corner(0, 0), corner(6.3, 0), corner(3.5, 10), corner(0, 10)]);
    fillPolygon(right, 10, 10, [corner(6.3, 0), corner(10, 0), corner(10, 10), corner(3.5, 10)]);
    expect(left.every((bit, place) => bit + (right[place] ?? 0) === 1)).toBe(true);
  });

  it("without area is nothing", () => {
    const bitmap = new Uint8Array(100);
    expect(fillPolygon(bitmap, 10, 10, [{ x: 1, y: 1 }])).toBe(0);
    expect(fillPolygon(bitmap, 10, 10, [])).toBe(0);
  });
});

describe("points on a line", () => {
  it("are evenly spaced, with both ends, and no more than asked for", () => {
    const random = randomOf(8);
    for (let round = 0; round < 50; round++) {
      const line = Array.from({ length: 20 }, () => ({ x: random() * 90, y: random() * 90 }));
      const most = 2 + Math.floor(random() * 60);
      const points = spacedPoints(line, 4, most);
      expect(points.length).toBeLessThanOrEqual(most);
      expect(points[0]).toEqual(line[0]);
      expect(points.at(-1)).toEqual(line.at(-1));
    }
    const straight = spacedPoints(
      [
        { x: 0, y: 0 },
        { x: 6, y: 0 },
        { x: 20, y: 0 },
      ],
      4,
    );
    expect(straight.map((point) => Math.round(point.x * 100) / 100)).toEqual([0, 4, 8, 12, 16, 20]);
    expect(
      spacedPoints(
        [
          { x: 1, y: 1 },
          { x: 1, y: 1 },
        ],
        4,
      ),
    ).toEqual([{ x: 1, y: 1 }]);
    expect(spacedPoints([], 4)).toEqual([]);
  });

  it("are calmed without moving the ends", () => {
    const zigzag = Array.from({ length: 21 }, (_, x) => ({ x, y: x % 2 }));
    const calm = calmLine(zigzag, 3);
    expect(calm[0]).toEqual(zigzag[0]);
    expect(calm.at(-1)).toEqual(zigzag.at(-1));
    expect(lengthOf(calm)).toBeLessThan(lengthOf(zigzag));
  });
});

describe("moving a mask", () => {
  it("there and back loses only what left the image", () => {
    const random = randomOf(9);
    for (let round = 0; round < 40; round++) {
      const mask = randomMask(random, SIDE, 17);
      const [dx, dy] = [Math.round(random() * 40 - 20), Math.round(random() * 30 - 15)];
      const moved = translate(mask, SIDE, 17, dx, dy);
      for (let y = 0; y < 17; y++) {
        for (let x = 0; x < SIDE; x++) {
          const [u, v] = [x - dx, y - dy];
          const isIn = u >= 0 && v >= 0 && u < SIDE && v < 17;
          expect(moved[y * SIDE + x]).toBe(isIn ? mask[v * SIDE + u] : 0);
        }
      }
    }
  });
});

describe("pulling a mask", () => {
  const band = () => {
    const mask = new Uint8Array(60 * 60);
    mask.fill(1, 28 * 60, 32 * 60);
    return mask;
  };

  it("moves what is under the pointer and leaves what is far away", () => {
    const warp = new Warp(band(), 60, 60);
    warp.pull({ x: 30, y: 30 }, { x: 30, y: 36 }, 8);
    const mask = warp.mask();
    const middle = (x: number) => {
      let [sum, count] = [0, 0];
      for (let y = 0; y < 60; y++) {
        if (!mask[y * 60 + x]) continue;
        sum += y + 0.5;
        count++;
      }
      return { at: sum / count, count };
    };
    expect(middle(30).at).toBeGreaterThan(34);
    expect(middle(2)).toEqual({ at: 30, count: 4 });
    for (let x = 1; x < 60; x++) {
      expect(middle(x).count).toBeGreaterThanOrEqual(3);
      expect(Math.abs(middle(x).at - middle(x - 1).at)).toBeLessThan(1.6);
    }
  });

  it("about and back again wears little away", () => {
    const warp = new Warp(band(), 60, 60);
    for (let round = 0; round < 10; round++) {
      warp.pull({ x: 30, y: 30 }, { x: 30, y: 34 }, 8);
      warp.pull({ x: 30, y: 34 }, { x: 30, y: 30 }, 8);
    }
    expect(Math.abs(areaOf(warp.mask()) - areaOf(band()))).toBeLessThan(48);
  });
});

describe("dividing a mask at a line", () => {
  it("gives both sides, each pixel once", () => {
    const mask = drawn("......", "######", "######", "......");
    const division = divide(mask, 6, 4, { x: 3.2, y: 0.5 }, { x: 3.2, y: 3.5 });
    if (!division) throw new Error("the line divides the mask");
    // Seen on the way down, the right of the screen is on the left hand.
    expect(shown(division.left, 6)[1]?.startsWith("..")).toBe(true);
    expect(mask.every((bit, at) => bit === (division.left[at] ?? 0) + (division.right[at] ?? 0))).toBe(true);
    expect(areaOf(division.left)).toBeGreaterThanOrEqual(4);
    expect(areaOf(division.right)).toBeGreaterThanOrEqual(4);
  });

  it("at any angle parts a branch: no way leads from one side to the other", () => {
    for (let angle = 0; angle < Math.PI; angle += 0.13) {
      const mask = new Uint8Array(41 * 41).fill(1);
      const [dx, dy] = [40 * Math.cos(angle), 40 * Math.sin(angle)];
      const division = divide(mask, 41, 41, { x: 20.5 - dx, y: 20.5 - dy }, { x: 20.5 + dx, y: 20.5 + dy });
      if (!division) throw new Error(`the line at ${angle} divides the mask`);
      expect(areaOf(division.left) + areaOf(division.right)).toBe(41 * 41);
      expect(Math.abs(areaOf(division.left) - areaOf(division.right))).toBeLessThan(60);
    }
  });

  it("refuses a line that ends within the mask, or misses it, and leaves other pieces alone", () => {
    const block = new Uint8Array(100).fill(1);
    expect(divide(block, 10, 10, { x: 5, y: -1 }, { x: 5, y: 5 })).toBeNull();
    expect(divide(drawn("##..", "##.."), 4, 2, { x: 3.5, y: 0 }, { x: 3.5, y: 2 })).toBeNull();
    const two = drawn("######", "......", "##..##");
    const division = divide(two, 6, 3, { x: 2.5, y: 0.2 }, { x: 2.5, y: 0.9 });
    expect(division && areaOf(division.left) + areaOf(division.right)).toBe(6);
  });
});
