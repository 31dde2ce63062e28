import { describe, expect, it } from "vitest";
import { nextWhere } from "./jumps";

describe("the next frame that is wanted", () => {
  it("is found in both directions, round the ends", () => {
    const wanted = (frame: number) => frame === 2 || frame === 5;
    expect(nextWhere(8, 2, 1, wanted)).toBe(5);
    expect(nextWhere(8, 5, 1, wanted)).toBe(2);
    expect(nextWhere(8, 2, -1, wanted)).toBe(5);
    expect(nextWhere(8, 7, -1, wanted)).toBe(5);
    expect(nextWhere(8, 7, 1, wanted)).toBe(2);
  });

  it("is another one than the frame itself, or none", () => {
    expect(nextWhere(8, 3, 1, (frame) => frame === 3)).toBeNull();
    expect(nextWhere(8, 3, -1, () => false)).toBeNull();
    expect(nextWhere(1, 0, 1, () => true)).toBeNull();
  });

  it("visits every wanted frame once in a round", () => {
    for (const by of [1, -1] as const) {
      const wanted = new Set([0, 3, 4, 9, 12]);
      const seen: number[] = [];
      let frame: number | null = 0;
      do {
        frame = nextWhere(13, frame, by, (other) => wanted.has(other));
        if (frame !== null) seen.push(frame);
      } while (frame !== null && frame !== 0 && seen.length < 20);
      expect(seen.toSorted((a, b) => a - b)).toEqual([...wanted]);
    }
  });
});
