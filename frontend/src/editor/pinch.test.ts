import { describe, expect, it } from "vitest";
import { pinchStep, type Spot } from "./pinch";

/** Where a screen point goes when the image is first moved and then scaled about a place. */
function carried(spot: Spot, { dx, dy, factor, x, y }: ReturnType<typeof pinchStep>): Spot {
  return { x: x + (spot.x + dx - x) * factor, y: y + (spot.y + dy - y) * factor };
}

describe("pinchStep", () => {
  it("keeps what lies under each finger under it, when the fingers do not turn", () => {
    const before: [Spot, Spot] = [
      { x: 100, y: 100 },
      { x: 200, y: 180 },
    ];
    for (const [factor, dx, dy] of [
      [2, 0, 0],
      [0.5, 30, -12],
      [1, 8, 8],
    ] as const) {
      const after = before.map(({ x, y }) => ({
        x: 150 + (x - 150) * factor + dx,
        y: 140 + (y - 140) * factor + dy,
      })) as [Spot, Spot];
      const step = pinchStep(before, after);
      expect(step.factor).toBeCloseTo(factor);
      before.forEach((spot, place) => {
        expect(carried(spot, step).x).toBeCloseTo(after[place]?.x ?? Number.NaN);
        expect(carried(spot, step).y).toBeCloseTo(after[place]?.y ?? Number.NaN);
      });
    }
  });

  it("ends where one step would, whatever the steps between", () => {
    const at = (t: number): [Spot, Spot] => [
      { x: 100 - 40 * t, y: 100 },
      { x: 140 + 60 * t * t, y: 100 + 20 * t },
    ];
    let factor = 1;
    for (let step = 0; step < 20; step++) factor *= pinchStep(at(step / 20), at((step + 1) / 20)).factor;
    expect(factor).toBeCloseTo(pinchStep(at(0), at(1)).factor);
  });

  it("does not blow up when the fingers meet", () => {
    const spot = { x: 50, y: 50 };
    expect(pinchStep([spot, spot], [spot, { x: 90, y: 50 }]).factor).toBe(1);
  });
});
