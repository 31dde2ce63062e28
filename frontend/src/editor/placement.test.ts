import { describe, expect, it } from "vitest";
import { flipped, type Orientation, orientationText, Placement, rotated, UPRIGHT } from "./placement";

/** Reproducible random numbers (Mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const ALL: Orientation[] = [false, true].flatMap((mirrored) =>
  ([0, 1, 2, 3] as const).map((quarters) => ({ mirrored, quarters })),
);

describe("a placement", () => {
  it.each(ALL)("finds every image point again: $mirrored $quarters", (orientation) => {
    const next = random(orientation.quarters + 10);
    for (let round = 0; round < 200; round++) {
      const placement = new Placement(
        { width: 1 + Math.floor(next() * 2000), height: 1 + Math.floor(next() * 2000) },
        { width: 50 + next() * 2000, height: 50 + next() * 2000 },
      );
      placement.orient(orientation);
      placement.zoomTo(0.3 + next() * 12, { x: next() * 500, y: next() * 500 });
      placement.panBy((next() - 0.5) * 3000, (next() - 0.5) * 3000);
      const point = { x: next() * placement.image.width, y: next() * placement.image.height };
      const screen = placement.toScreen(point.x, point.y);
      const again = placement.toImage(screen.x, screen.y);
      expect(again.x).toBeCloseTo(point.x, 6);
      expect(again.y).toBeCloseTo(point.y, 6);
      // The browser is told the same that the pointer is.
      const [a, b, c, d, e, f] = (placement.transform.match(/-?[\d.]+(e-?\d+)?/g) ?? []).map(Number) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      expect(a * point.x + c * point.y + e).toBeCloseTo(screen.x, 4);
      expect(b * point.x + d * point.y + f).toBeCloseTo(screen.y, 4);
    }
  });

  it("keeps the point under the pointer when it zooms, and some of the image in sight when it pans", () => {
    const next = random(5);
    for (let round = 0; round < 300; round++) {
      const placement = new Placement({ width: 512, height: 300 }, { width: 900, height: 700 });
      placement.orient(ALL[round % 8] as Orientation);
      const at = { x: 450 + (next() - 0.5) * 200, y: 350 + (next() - 0.5) * 200 };
      const before = placement.toImage(at.x, at.y);
      placement.zoomTo(0.5 + next() * 10, at);
      const after = placement.toImage(at.x, at.y);
      expect(after.x).toBeCloseTo(before.x, 6);
      expect(after.y).toBeCloseTo(before.y, 6);
      placement.panBy((next() - 0.5) * 1e5, (next() - 0.5) * 1e5);
      const corners = [placement.toScreen(0, 0), placement.toScreen(512, 300)];
      const [xs, ys] = [corners.map(({ x }) => x), corners.map(({ y }) => y)];
      expect(Math.min(...xs)).toBeLessThan(900);
      expect(Math.max(...xs)).toBeGreaterThan(0);
      expect(Math.min(...ys)).toBeLessThan(700);
      expect(Math.max(...ys)).toBeGreaterThan(0);
    }
  });

  it("shows the whole image when it fits, upright and on its side", () => {
    for (const orientation of ALL) {
      const placement = new Placement({ width: 400, height: 100 }, { width: 800, height: 800 });
      placement.orient(orientation);
      expect(placement.scale).toBe(2);
      placement.host = { width: 800, height: 100 };
      const corners = [placement.toScreen(0, 0), placement.toScreen(400, 100)];
      for (const { x, y } of corners) {
        expect(x).toBeGreaterThanOrEqual(-1e-9);
        expect(x).toBeLessThanOrEqual(800 + 1e-9);
        expect(y).toBeGreaterThanOrEqual(-1e-9);
        expect(y).toBeLessThanOrEqual(100 + 1e-9);
      }
    }
  });
});

describe("turning and mirroring", () => {
  const corner = (orientation: Orientation) => {
    const placement = new Placement({ width: 100, height: 100 }, { width: 100, height: 100 });
    placement.orient(orientation);
    const { x, y } = placement.toScreen(0, 0);
    return `${y < 50 ? "upper" : "lower"} ${x < 50 ? "left" : "right"}`;
  };

  it("are what the reader sees, whatever was done before", () => {
    expect(corner(UPRIGHT)).toBe("upper left");
    expect(corner(rotated(UPRIGHT))).toBe("upper right");
    expect(corner(rotated(rotated(UPRIGHT)))).toBe("lower right");
    expect(corner(flipped(UPRIGHT, "across"))).toBe("upper right");
    expect(corner(flipped(UPRIGHT, "down"))).toBe("lower left");
    expect(corner(flipped(rotated(UPRIGHT), "across"))).toBe("upper left");
    expect(corner(flipped(rotated(UPRIGHT), "down"))).toBe("lower right");
  });

  it("undo themselves", () => {
    for (const start of ALL) {
      let turned = start;
      for (let turn = 0; turn < 4; turn++) turned = rotated(turned);
      expect(turned).toEqual(start);
      for (const axis of ["across", "down"] as const) {
        expect(flipped(flipped(start, axis), axis)).toEqual(start);
      }
      expect(flipped(flipped(start, "across"), "down")).toEqual(rotated(rotated(start)));
    }
  });

  it("are told in words", () => {
    expect(orientationText(UPRIGHT)).toBe("");
    expect(orientationText({ mirrored: true, quarters: 1 })).toBe("mirrored, turned 90°");
    expect(orientationText(flipped(UPRIGHT, "down"))).toBe("flipped upside down");
  });
});
