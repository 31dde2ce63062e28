import { describe, expect, it } from "vitest";
import { closeness } from "./fuzzy";

const best = (typed: string, names: string[]) =>
  names
    .flatMap((name) => {
      const score = closeness(typed, name);
      return score === undefined ? [] : [{ name, score }];
    })
    .sort((a, b) => b.score - a.score)
    .map(({ name }) => name);

describe("closeness", () => {
  it("puts what begins with the letters first, then what contains them, then what has them in order", () => {
    expect(best("fra", ["Play of rats", "Next frame", "Frame one", "Infrared"])).toEqual([
      "Frame one",
      "Next frame",
      "Infrared",
      "Play of rats",
    ]);
  });

  it("wants every word, in any order, and takes signs for themselves", () => {
    expect(closeness("frame next", "Next frame")).toBeDefined();
    expect(closeness("frame box", "Next frame")).toBeUndefined();
    expect(closeness("(neg", "Point outside (negative)")).toBeDefined();
    expect(closeness(".*", "Point")).toBeUndefined();
    expect(closeness("", "Anything")).toBeDefined();
  });
});
