import { describe, expect, it } from "vitest";
import { areaOf, drawn, randomMask, randomOf, shown } from "../../testing/masks";
import { dropIslands, fillHoles, keepLargest, piecesOf } from "./components";

const SIDE = 24;

describe("pieces of a mask", () => {
  it("hang together over corners, while the background does not", () => {
    const diagonal = drawn("#..", ".#.", "..#");
    expect(piecesOf(diagonal, 3, 3).areas).toEqual([0, 3]);
    expect(piecesOf(diagonal, 3, 3, 0).areas).toEqual([0, 3, 3]);
  });

  it("count every pixel once, whatever the mask", () => {
    const random = randomOf(1);
    for (let round = 0; round < 50; round++) {
      const mask = randomMask(random, SIDE, SIDE);
      const { ids, areas } = piecesOf(mask, SIDE, SIDE);
      expect(areas.reduce((sum, area) => sum + area, 0)).toBe(areaOf(mask));
      ids.forEach((id, place) => {
        expect(id > 0).toBe(mask[place] === 1);
        const right = ids[place + 1] ?? 0;
        if (id && right && (place + 1) % SIDE) expect(right).toBe(id);
      });
    }
  });
});

describe("holes", () => {
  it("are filled, bays that open to the border of the image are not", () => {
    const mask = drawn(".####.", ".#..#.", ".#.##.", ".####.", "#....#", "##..##");
    expect(shown(fillHoles(mask, 6, 6), 6)).toEqual([
      ".####.",
      ".####.",
      ".####.",
      ".####.",
      "#....#",
      "##..##",
    ]);
  });

  it("are gone after filling; filling again changes nothing; nothing is taken away", () => {
    const random = randomOf(2);
    for (let round = 0; round < 50; round++) {
      const mask = randomMask(random, SIDE, SIDE);
      const filled = fillHoles(mask, SIDE, SIDE);
      expect(fillHoles(filled, SIDE, SIDE)).toEqual(filled);
      expect(mask.every((bit, place) => !bit || filled[place] === 1)).toBe(true);
      expect(piecesOf(filled, SIDE, SIDE).areas.length).toBeLessThanOrEqual(
        piecesOf(mask, SIDE, SIDE).areas.length,
      );
    }
  });
});

describe("small pieces", () => {
  const mask = drawn("##...#", "##....", ".....#", "#....#");

  it("go, but for the largest", () => {
    expect(shown(keepLargest(mask, 6, 4), 6)).toEqual(["##....", "##....", "......", "......"]);
  });

  it("go below an area, and stay from it on", () => {
    expect(shown(dropIslands(mask, 6, 4, 2), 6)).toEqual(["##....", "##....", ".....#", ".....#"]);
    expect(dropIslands(mask, 6, 4, 1)).toEqual(mask);
  });

  it("leave an empty mask empty", () => {
    expect(areaOf(keepLargest(new Uint8Array(24), 6, 4))).toBe(0);
  });
});
