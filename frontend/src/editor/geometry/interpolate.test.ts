import { describe, expect, it } from "vitest";
import { areaOf, iou, randomMask, randomOf, TREE_SIDE, treeBranches, treeMask } from "../../testing/masks";
import { stampStroke } from "../paint";
import { MaskInterpolator } from "./interpolate";
import { translate } from "./warp";

const SIDE = 48;

function disk(x: number, y: number, radius: number): Uint8Array {
  const bitmap = new Uint8Array(SIDE * SIDE);
  stampStroke(bitmap, SIDE, SIDE, { x, y }, { x, y }, radius, 1);
  return bitmap;
}

describe("between two key frames", () => {
  it("the ends are the key frames themselves, and the size passes evenly", () => {
    const random = randomOf(10);
    for (let round = 0; round < 30; round++) {
      const [from, to] = [randomMask(random, SIDE, SIDE), randomMask(random, SIDE, SIDE)];
      const between = new MaskInterpolator(from, to, SIDE, SIDE);
      expect(between.at(0)).toEqual(from);
      expect(between.at(1)).toEqual(to);
      const area = areaOf(between.at(0.5));
      const expected = ((Math.sqrt(areaOf(from)) + Math.sqrt(areaOf(to))) / 2) ** 2;
      expect(Math.abs(area - expected)).toBeLessThan(0.1 * expected + 6);
    }
  });

  it("a disk that moves and grows is a disk on its way", () => {
    const between = new MaskInterpolator(disk(12, 14, 4), disk(34, 30, 8), SIDE, SIDE);
    for (const share of [0.25, 0.5, 0.75]) {
      const expected = disk(12 + 22 * share, 14 + 16 * share, 4 + 4 * share);
      expect(iou(between.at(share), expected)).toBeGreaterThan(0.8);
    }
  });

  it("a tree that moves by more than its branches are wide stays a tree", () => {
    const tree = treeMask();
    const moved = translate(tree, TREE_SIDE, TREE_SIDE, 14, -8);
    const middle = new MaskInterpolator(tree, moved, TREE_SIDE, TREE_SIDE).at(0.5);
    expect(iou(middle, translate(tree, TREE_SIDE, TREE_SIDE, 7, -4))).toBeGreaterThan(0.9);
  });

  it("a tree that bends a little lies between", () => {
    const bent = (by: number) =>
      treeMask(
        treeBranches().map((branch) =>
          branch.map((point) => ({ ...point, x: point.x + by * Math.sin(point.y / 40) })),
        ),
      );
    const middle = new MaskInterpolator(bent(0), bent(4), TREE_SIDE, TREE_SIDE).at(0.5);
    expect(iou(middle, bent(2))).toBeGreaterThan(0.6);
  });

  it("a mask as large as the image, or of one pixel, is no trouble", () => {
    const full = new Uint8Array(SIDE * SIDE).fill(1);
    const dot = new Uint8Array(SIDE * SIDE);
    dot[0] = 1;
    const between = new MaskInterpolator(full, dot, SIDE, SIDE);
    expect(between.at(0)).toEqual(full);
    expect(between.at(1)).toEqual(dot);
    expect(areaOf(between.at(0.5))).toBeGreaterThan(0.2 * full.length);
  });
});
