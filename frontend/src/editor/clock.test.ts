import { describe, expect, it } from "vitest";
import { Clock } from "./clock";

describe("the clock", () => {
  it("shows each frame for as long as the frame times say", () => {
    const clock = new Clock([0, 10, 110, 120], 4);
    expect([0, 9, 10, 109, 110, 119, 120].map((time) => clock.frameAt(time))).toEqual([0, 0, 1, 1, 2, 2, 3]);
  });

  it("begins again at the end, and runs backwards in time too", () => {
    const clock = new Clock([0, 50, 100], 3);
    expect(clock.durationMs).toBe(150);
    expect(clock.frameAt(150)).toBe(0);
    expect(clock.frameAt(260)).toBe(2);
    expect(clock.frameAt(-10)).toBe(2);
  });

  it("does not mind times that begin late or are too few", () => {
    const late = new Clock([1000, 1100, 1200], 3);
    expect(late.timeOf(0)).toBe(0);
    expect(late.rate).toBeCloseTo(10);
    expect(new Clock([], 3).frameAt(80)).toBe(1);
  });
});
