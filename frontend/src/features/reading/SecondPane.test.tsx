import { describe, expect, it } from "vitest";
import { verdictText } from "./SecondPane";

describe("verdictText", () => {
  it("says 1.00 of equal masks alone", () => {
    const of = (dice: number, isSame: boolean) => verdictText({ kind: "dice", dice, isSame }, false, true);
    expect(of(1, true)).toBe("1.00, unchanged");
    expect(of(0.9999, false)).toBe("0.99");
    expect(of(0.873, false)).toBe("0.87");
    expect(of(0, false)).toBe("0.00");
  });

  it("names who has said something, and that a question was taken back", () => {
    expect(verdictText({ kind: "only-there" }, true, true)).toBe("only the model, taken back");
    expect(verdictText({ kind: "only-there" }, false, false)).toBe("only in that one");
    expect(verdictText({ kind: "only-here" }, false, true)).toBe("no answer");
    expect(verdictText({ kind: "only-here" }, false, false)).toBe("only in this one");
    expect(verdictText({ kind: "both-empty" }, false, false)).toBe("both empty");
    expect(verdictText({ kind: "neither" }, false, true)).toBe("–");
    expect(verdictText({ kind: "unknown" }, false, true)).toBe("…");
  });
});
