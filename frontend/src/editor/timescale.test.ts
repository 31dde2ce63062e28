import { describe, expect, it } from "vitest";
import { frameAt, isWhole, revealing, scrolled, type TimeScale, wholeScale, xOf, zoomed } from "./timescale";

const WIDTH = 640;

describe("a timeline's scale", () => {
  it("shows the whole cine at first, each frame where it is clicked", () => {
    for (const count of [1, 2, 7, 1000]) {
      const scale = wholeScale(count);
      for (let frame = 0; frame < count; frame++) {
        expect(frameAt(scale, xOf(scale, frame + 0.5, WIDTH), WIDTH)).toBe(frame);
      }
      expect(frameAt(scale, -5, WIDTH)).toBe(0);
      expect(frameAt(scale, WIDTH + 5, WIDTH)).toBe(count - 1);
    }
  });

  it("never leaves the cine, whatever is done to it, and keeps the frame under the pointer", () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 16807) % 2147483647;
      return seed / 2147483647;
    };
    for (const count of [1, 5, 40, 1000]) {
      let scale: TimeScale = wholeScale(count);
      for (let turn = 0; turn < 200; turn++) {
        const part = random();
        const before = scale.first + part * scale.length;
        const isZoom = random() < 0.5;
        scale = isZoom ? zoomed(scale, 0.5 + random() * 2, part) : scrolled(scale, (random() - 0.5) * 50);
        expect(scale.first).toBeGreaterThanOrEqual(0);
        expect(scale.first + scale.length).toBeLessThanOrEqual(count + 1e-9);
        const isAtEdge = scale.first === 0 || scale.first + scale.length > count - 1e-9;
        if (isZoom && !isAtEdge) expect(scale.first + part * scale.length).toBeCloseTo(before, 6);
        const frame = Math.floor(random() * count);
        const shown = revealing(scale, frame);
        expect(xOf(shown, frame, WIDTH)).toBeGreaterThan(-1e-6);
        expect(xOf(shown, frame + 1, WIDTH)).toBeLessThan(WIDTH + 1e-6);
      }
    }
  });

  it("zooms out to the whole again", () => {
    const near = zoomed(wholeScale(100), 4, 0.3);
    expect(isWhole(near)).toBe(false);
    expect(isWhole(zoomed(near, 0.1, 0.9))).toBe(true);
  });
});
