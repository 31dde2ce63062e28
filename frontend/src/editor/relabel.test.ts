import { describe, expect, it } from "vitest";
import cases from "../testing/relabel.json";
import { decodeMask, encodeMask, type Provenance, toBitmap } from "./codec";
import { movedMasks, type Origin } from "./relabel";

const SIDE = 16;

function origin([provenance, pixels]: [string, number[]]): Origin {
  const bitmap = new Uint8Array(SIDE * SIDE);
  for (const x of pixels) bitmap[SIDE + x] = 1;
  return { provenance: provenance as Provenance, score: null, data: encodeMask(bitmap, SIDE, SIDE) };
}

/** The server is held to the same cases: tests/annotator/readings/test_relabel.py. */
describe("a relabelled mask", () => {
  it.each(cases)("$name", ({ given, joined, taken }) => {
    const from = origin(given as [string, number[]]);
    const moved = movedMasks(from, joined ? origin(joined as [string, number[]]) : undefined);
    expect(moved.taken).toEqual(origin(taken as [string, number[]]));
    expect(moved.left).toEqual(origin([from.provenance, []]));
  });

  it("keeps its score, which no mask of two has", () => {
    const given = { ...origin(["MODEL", [1]]), score: 0.8 };
    expect(movedMasks(given, undefined).taken.score).toBe(0.8);
    expect(movedMasks(given, { ...origin(["MODEL", [2]]), score: 0.9 }).taken.score).toBeNull();
    expect(toBitmap(decodeMask(given.data)).filter(Boolean)).toHaveLength(1);
  });
});
