import { describe, expect, it } from "vitest";
import { areaOf, drawn, iou, randomMask, randomOf, shown, TREE_SIDE, treeMask } from "../../testing/masks";
import { stampStroke } from "../paint";
import { fillHoles, piecesOf } from "./components";
import { signedDistance, squaredDistance } from "./distance";
import { grow, shrink, smooth } from "./morphology";

const SIDE = 20;

/** Holes hang together by 4 neighbours. */
function holesIn(mask: Uint8Array): number {
  const filled = fillHoles(mask, SIDE, SIDE);
  const rest = mask.map((bit, place) => (filled[place] && !bit ? 0 : 1));
  return piecesOf(rest, SIDE, SIDE, 0).areas.length;
}

describe("distances", () => {
  it("are those of looking at every pixel", () => {
    const random = randomOf(3);
    for (let round = 0; round < 30; round++) {
      const mask = randomMask(random, SIDE, 13);
      const squared = squaredDistance(mask, SIDE, 13, 1);
      for (let place = 0; place < mask.length; place++) {
        let least = Number.POSITIVE_INFINITY;
        mask.forEach((bit, other) => {
          const dx = (place % SIDE) - (other % SIDE);
          const dy = Math.floor(place / SIDE) - Math.floor(other / SIDE);
          if (bit) least = Math.min(least, dx * dx + dy * dy);
        });
        expect(squared[place]).toBe(least);
      }
    }
  });

  it("are endless where there is nothing", () => {
    expect(squaredDistance(new Uint8Array(6), 3, 2, 1)[0]).toBe(Number.POSITIVE_INFINITY);
    expect(signedDistance(new Uint8Array(6), 3, 2)[0]).toBe(Number.NEGATIVE_INFINITY);
    expect(signedDistance(new Uint8Array(6).fill(1), 3, 2)[0]).toBe(Number.POSITIVE_INFINITY);
  });

  it("are positive inside and negative outside, half a pixel from the border", () => {
    expect([...signedDistance(drawn("..##."), 5, 1)]).toEqual([-1.5, -0.5, 0.5, 0.5, -0.5]);
  });
});

describe("growing and shrinking", () => {
  it("by one pixel go by sides, not by corners", () => {
    const cross = grow(drawn(".....", ".....", "..#..", ".....", "....."), 5, 5, 1);
    expect(shown(cross, 5)).toEqual([".....", "..#..", ".###.", "..#..", "....."]);
    expect(areaOf(shrink(cross, 5, 5, 1))).toBe(1);
  });

  it("are each other's mirror image", () => {
    const random = randomOf(4);
    for (let round = 0; round < 30; round++) {
      const mask = randomMask(random, SIDE, SIDE);
      const outside = mask.map((bit) => 1 - bit);
      for (const radius of [1, 1.5, 3]) {
        const grown = grow(mask, SIDE, SIDE, radius);
        const shrunk = shrink(outside, SIDE, SIDE, radius);
        if (areaOf(mask)) expect(shrunk).toEqual(grown.map((bit) => 1 - bit));
        expect(mask.every((bit, place) => !bit || grown[place] === 1)).toBe(true);
        const closed = shrink(grown, SIDE, SIDE, radius);
        expect(mask.every((bit, place) => !bit || closed[place] === 1)).toBe(true);
      }
    }
  });

  it("by a radius in millimetres are discs in the patient, not on the screen", () => {
    const random = randomOf(8);
    const spacing = [0.3, 0.7] as const;
    const mask = randomMask(random, SIDE, SIDE);
    for (const radius of [0.3, 0.9, 2.1]) {
      const near = (value: number) =>
        Uint8Array.from(mask, (_, place) => {
          const isNear = mask.some((bit, other) => {
            const dx = ((place % SIDE) - (other % SIDE)) * spacing[0];
            const dy = (Math.floor(place / SIDE) - Math.floor(other / SIDE)) * spacing[1];
            return bit === value && Math.hypot(dx, dy) <= radius + 1e-6;
          });
          return isNear ? 1 : 0;
        });
      expect(grow(mask, SIDE, SIDE, radius, spacing)).toEqual(near(1));
      expect(shrink(mask, SIDE, SIDE, radius, spacing)).toEqual(near(0).map((bit) => 1 - bit));
    }
  });

  it("do not eat a mask from the border of the image", () => {
    expect(areaOf(shrink(new Uint8Array(25).fill(1), 5, 5, 1))).toBe(25);
  });

  it("leave an empty mask empty", () => {
    expect(areaOf(grow(new Uint8Array(25), 5, 5, 2))).toBe(0);
  });
});

describe("smoothing", () => {
  it("keeps pieces and holes as they are, whatever the mask", () => {
    const random = randomOf(5);
    for (let round = 0; round < 60; round++) {
      const mask = randomMask(random, SIDE, SIDE);
      const smoothed = smooth(mask, SIDE, SIDE);
      expect(piecesOf(smoothed, SIDE, SIDE).areas.length).toBe(piecesOf(mask, SIDE, SIDE).areas.length);
      expect(holesIn(smoothed)).toBe(holesIn(mask));
    }
  });

  it("keeps lines one and two pixels wide to their very ends", () => {
    for (const [dx, dy] of [
      [30, 0],
      [0, 30],
      [22, 22],
      [30, 11],
    ] as const) {
      const mask = new Uint8Array(40 * 40);
      for (let step = 0; step <= 30; step++) {
        mask[(4 + Math.round((dy * step) / 30)) * 40 + 4 + Math.round((dx * step) / 30)] = 1;
      }
      expect(areaOf(smooth(mask, 40, 40))).toBeGreaterThanOrEqual(areaOf(mask) * 0.93);
    }
    const wide = new Uint8Array(40 * 40);
    for (let x = 4; x < 34; x++) wide[10 * 40 + x] = wide[11 * 40 + x] = 1;
    expect(areaOf(smooth(wide, 40, 40))).toBeGreaterThanOrEqual(56);
  });

  it("brings the ragged mask of a tree nearer to the tree, and loses no branch", () => {
    const random = randomOf(6);
    const truth = treeMask();
    const near = squaredDistance(truth, TREE_SIDE, TREE_SIDE, 1);
    const depth = squaredDistance(truth, TREE_SIDE, TREE_SIDE, 0);
    const ragged = truth.map((bit, place) => {
      const isBorder = bit ? depth[place] === 1 : near[place] === 1;
      return isBorder && random() < 0.25 ? 1 - bit : bit;
    });
    const smoothed = smooth(ragged, TREE_SIDE, TREE_SIDE);
    expect(iou(smoothed, truth)).toBeGreaterThan(iou(ragged, truth) + 0.03);
    expect(piecesOf(smoothed, TREE_SIDE, TREE_SIDE).areas.length).toBe(
      piecesOf(ragged, TREE_SIDE, TREE_SIDE).areas.length,
    );
    const kept = smooth(truth, TREE_SIDE, TREE_SIDE);
    expect(iou(kept, truth)).toBeGreaterThan(0.95);
  });

  it("rounds the steps of a coarse drawing", () => {
    const mask = new Uint8Array(40 * 40);
    stampStroke(mask, 40, 40, { x: 20, y: 20 }, { x: 20, y: 20 }, 10, 1);
    const bitten = mask.slice();
    bitten[10 * 40 + 20] = 0;
    bitten[30 * 40 + 20] = 1;
    expect(iou(smooth(bitten, 40, 40), mask)).toBeGreaterThan(iou(bitten, mask));
  });
});
