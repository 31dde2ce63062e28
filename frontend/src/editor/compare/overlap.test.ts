import { describe, expect, it } from "vitest";
import { areaOf, drawn, randomMask, randomOf } from "../../testing/masks";
import { decodeMask, encodeMask } from "../codec";
import { diceOf, edgesOf } from "./overlap";

const [COLUMNS, ROWS] = [23, 17];
const masked = (bitmap: Uint8Array, columns = COLUMNS, rows = ROWS) =>
  decodeMask(encodeMask(bitmap, columns, rows));

describe("diceOf", () => {
  it("agrees with counting pixels one by one", () => {
    const random = randomOf(5);
    for (let round = 0; round < 200; round++) {
      const [a, b] = [randomMask(random, COLUMNS, ROWS), randomMask(random, COLUMNS, ROWS)];
      const shared = a.reduce((sum, bit, place) => sum + (bit && b[place] ? 1 : 0), 0);
      expect(diceOf(masked(a), masked(b))).toBeCloseTo((2 * shared) / (areaOf(a) + areaOf(b)), 12);
      expect(diceOf(masked(a), masked(a))).toBe(1);
    }
  });

  it("is 0 of masks that share nothing, be it only their boxes, and no number of two empty ones", () => {
    const [a, b] = [drawn("##..", "...."), drawn("....", "..##")];
    expect(diceOf(masked(a, 4, 2), masked(b, 4, 2))).toBe(0);
    const [c, d] = [drawn("#.#", "...", "#.#"), drawn("...", ".#.", "...")];
    expect(diceOf(masked(c, 3, 3), masked(d, 3, 3))).toBe(0);
    expect(diceOf(masked(a, 4, 2), masked(new Uint8Array(8), 4, 2))).toBe(0);
    const empty = masked(new Uint8Array(8), 4, 2);
    expect(diceOf(empty, empty)).toBeNaN();
  });
});

describe("edgesOf", () => {
  it("draws around a pixel, and joins what lies in a line", () => {
    expect([...edgesOf(masked(drawn("....", ".##.", "...."), 4, 3))]).toEqual([
      1, 1, 3, 1, 1, 2, 3, 2, 1, 1, 1, 2, 3, 1, 3, 2,
    ]);
  });

  it("parts every pixel from every other one that is not alike, and nothing else", () => {
    const random = randomOf(9);
    for (let round = 0; round < 60; round++) {
      const bitmap = randomMask(random, COLUMNS, ROWS);
      const edges = edgesOf(masked(bitmap));
      const [across, down] = [new Set<string>(), new Set<string>()];
      for (let at = 0; at < edges.length; at += 4) {
        const [x0, y0, x1, y1] = edges.slice(at, at + 4) as unknown as [number, number, number, number];
        for (let x = x0; y0 === y1 && x < x1; x++) across.add(`${x},${y0}`);
        for (let y = y0; x0 === x1 && y < y1; y++) down.add(`${x0},${y}`);
      }
      const bit = (x: number, y: number) =>
        x >= 0 && y >= 0 && x < COLUMNS && y < ROWS ? bitmap[y * COLUMNS + x] : 0;
      for (let y = 0; y <= ROWS; y++) {
        for (let x = 0; x <= COLUMNS; x++) {
          expect(across.has(`${x},${y}`)).toBe(bit(x, y - 1) !== bit(x, y));
          expect(down.has(`${x},${y}`)).toBe(bit(x - 1, y) !== bit(x, y));
        }
      }
    }
  });
});
