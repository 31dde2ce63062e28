import { describe, expect, it } from "vitest";
import { closeness, closest } from "./fuzzy";

const best = (typed: string, names: string[]) => closest(names, typed, (name) => name);

describe("closest", () => {
  it("puts what begins with the letters first, then words that do, then what contains them", () => {
    expect(best("fra", ["Infrared", "Play of rats", "Next frame", "Frame one"])).toEqual([
      "Frame one",
      "Next frame",
      "Infrared",
    ]);
  });

  it("takes letters in their order where nothing has the word", () => {
    expect(best("rswn", ["Reset window", "Brush"])).toEqual(["Reset window"]);
    expect(best("rw", ["Reset window"])).toEqual([]);
  });

  it("leaves the order alone while nothing is typed", () => {
    expect(best(" ", ["b", "a"])).toEqual(["b", "a"]);
    expect(best("x", [])).toEqual([]);
  });
});

describe("closeness", () => {
  it("wants every word, in any order, and takes signs for themselves", () => {
    expect(closeness("frame next", "Next frame")).toBeDefined();
    expect(closeness("frame box", "Next frame")).toBeUndefined();
    expect(closeness("(neg", "Point outside (negative)")).toBeDefined();
    expect(closeness(".*", "Point")).toBeUndefined();
    expect(closeness("", "Anything")).toBeDefined();
  });
});
