import { describe, expect, it } from "vitest";
import { bolus, phantom, randomOf } from "../../testing/phantom";
import { align } from "./align";
import { LocalContrast } from "./contrast";
import { bestPlaces, emptiestPlace, lineMap, scoresOf } from "./opacification";
import { project } from "./projection";
import { factorFor, shrink } from "./shrink";
import { type Grey, isLinear, logTable, meanOf, type Shift, shiftedLog, subtract } from "./subtraction";

const EIGHT = { window: [0, 255], largest: 255 } as const;
const NONE: Shift = [0, 0];

function noise(length: number, seed: number, levels = 256): Uint8Array {
  const random = randomOf(seed);
  return Uint8Array.from({ length }, () => Math.floor(random() * levels));
}

describe("shrinking", () => {
  it("takes the mean of square blocks and leaves the rest out", () => {
    const frame = Uint8Array.from([0, 2, 10, 10, 99, 4, 6, 10, 30, 99, 7, 7, 7, 7, 7]);
    expect(shrink(frame, 3, 5, 2)).toEqual({ rows: 1, columns: 2, values: Float32Array.from([3, 15]) });
    expect([factorFor(512, 300, 160), factorFor(100, 100, 160)]).toEqual([4, 1]);
  });
});

describe("digital subtraction", () => {
  const difference = (frame: Uint8Array, mask: Uint8Array, rows: number, columns: number, shift = NONE) => {
    const result = new Uint8Array(frame.length);
    subtract(frame, shiftedLog(meanOf([mask]), rows, columns, shift, EIGHT), logTable(EIGHT), EIGHT, result);
    return result;
  };

  it("of a frame from itself is flat mid-grey", () => {
    const frame = noise(64 * 48, 1);
    expect(new Set(difference(frame, frame, 48, 64))).toEqual(new Set([128]));
  });

  it("shows the same vessel alike on bright and on dark ground, as the difference of intensities does not", () => {
    const mask = Uint8Array.from([60, 100, 160, 240]);
    const frame = mask.map((value) => value * Math.exp(-0.4));
    const values = [...difference(frame, mask, 1, 4)];
    const spread = Math.max(...values) - Math.min(...values);
    const plain = [...mask].map((value, place) => value - (frame[place] as number));
    expect(spread).toBeLessThanOrEqual(4); // grey values of the frame are whole numbers
    expect(Math.max(...plain) - Math.min(...plain)).toBeGreaterThan(50);
    for (const value of values) expect(value).toBeLessThan(128 - 60);
  });

  it("takes the difference of values that are logarithms already as it is", () => {
    expect(["LIN", "", undefined, "LOG", "DISP"].map((known) => isLinear(known as "LIN"))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    const stored: Grey = { ...EIGHT, isLinear: false };
    // A vessel takes the same off a logarithm wherever it lies; the logarithm of that would make it a matter of ground.
    const mask = Uint8Array.from([60, 100, 160, 240, 33]);
    const frame = mask.map((value, place) => (place < 4 ? value - 30 : value));
    const result = new Uint8Array(5);
    subtract(frame, shiftedLog(meanOf([mask]), 1, 5, NONE, stored), logTable(stored), stored, result);
    expect([...result]).toEqual([68, 68, 68, 68, 128]);
    const taken = difference(frame, mask, 1, 5);
    expect(new Set(taken.slice(0, 4)).size).toBeGreaterThan(1);
    const between = shiftedLog(Float32Array.from([10, 20]), 1, 2, [-0.5, 0], stored);
    expect([...between]).toEqual([30, 40]);
  });

  it("shifts the mask by whole pixels and by quarters, and goes on beyond its border", () => {
    const mask = Float32Array.from([10, 20, 30, 40, 50, 60, 70, 80]);
    const at = (shift: Shift) => [...shiftedLog(mask, 2, 4, shift, EIGHT)];
    const plain = at(NONE);
    expect(at([1, 0])).toEqual([0, 0, 1, 2, 4, 4, 5, 6].map((place) => plain[place]));
    expect(at([0, -1])).toEqual([4, 5, 6, 7, 4, 5, 6, 7].map((place) => plain[place]));
    const [quarter] = shiftedLog(Float32Array.from([12.5, 0, 0, 0]), 1, 4, NONE, EIGHT);
    expect(at([-0.25, 0])[0]).toBeCloseTo(quarter as number, 4);
  });

  it("takes the mean of several masks, and 16-bit pixels with a window of their own", () => {
    expect([...meanOf([Uint16Array.from([1000, 4]), Uint16Array.from([2000, 8])])]).toEqual([1500, 6]);
    const grey = { window: [200, 3200], largest: 65535 } as const;
    const frame = Uint16Array.from([300, 1500, 3000]);
    const result = new Uint16Array(3);
    subtract(frame, shiftedLog(meanOf([frame]), 1, 3, NONE, grey), logTable(grey), grey, result);
    expect([...result]).toEqual([1700, 1700, 1700]);
    subtract(
      Uint16Array.from([65535, 0, 0]),
      shiftedLog(meanOf([frame]), 1, 3, NONE, grey),
      logTable(grey),
      grey,
      result,
    );
    expect(result[0]).toBeGreaterThan(3200);
    expect(result[2]).toBe(0); // beyond what can be stored
  });
});

describe("aligning", () => {
  const rest = async () => undefined;
  const shifts: Shift[] = [
    [0, 0],
    [5, -3],
    [-2.5, 1.25],
    [11, 7.5],
    [-0.25, 0.75],
  ];
  it.each(shifts)("finds a mask moved by (%d, %d) under vessels and noise", async (dx, dy) => {
    const still = phantom(3, 1, 192, () => 0, { noise: 4, grain: 9 }).frames[0] as Uint8Array;
    const moved = phantom(3, 1, 192, () => 1, { noise: 4, dx, dy }).frames[0] as Uint8Array;
    const found = await align(moved, still, 192, 192, EIGHT, rest);
    expect(Math.abs(found[0] - dx)).toBeLessThanOrEqual(0.25);
    expect(Math.abs(found[1] - dy)).toBeLessThanOrEqual(0.25);
    // The same picture as a cine of logarithms.
    const logs = (frame: Uint8Array) => frame.map((value) => Math.round(40 * Math.log(value + 1)));
    const again = await align(logs(moved), logs(still), 192, 192, { ...EIGHT, isLinear: false }, rest);
    expect(Math.abs(again[0] - dx)).toBeLessThanOrEqual(0.25);
    expect(Math.abs(again[1] - dy)).toBeLessThanOrEqual(0.25);
  });

  it("answers on pictures that are tiny or even", async () => {
    expect(await align(new Uint8Array(9), new Uint8Array(9), 3, 3, EIGHT, rest)).toEqual([0, 0]);
    const bright = new Uint8Array(64 * 64).fill(200);
    expect(await align(new Uint8Array(64 * 64), bright, 64, 64, EIGHT, rest)).toEqual([0, 0]);
  });
});

describe("the projection", () => {
  it("keeps the darkest value of each pixel, or the brightest", () => {
    const frames = [1, 2, 3, 4].map((seed) => noise(100, seed));
    const [darkest, brightest] = [frames[0]?.slice(), frames[0]?.slice()] as [Uint8Array, Uint8Array];
    for (const frame of frames.slice(1)) {
      project(darkest, frame, false);
      project(brightest, frame, true);
    }
    for (let place = 0; place < 100; place++) {
      const values = frames.map((frame) => frame[place] as number);
      expect(darkest[place]).toBe(Math.min(...values));
      expect(brightest[place]).toBe(Math.max(...values));
    }
  });
});

describe("local contrast", () => {
  const apply = (frame: Uint8Array, rows: number, columns: number, clip: number) => {
    const result = new Uint8Array(frame.length);
    new LocalContrast(rows, columns, EIGHT).apply(frame, clip, result);
    return result;
  };
  const deviation = (values: ArrayLike<number>) => {
    const list = Array.from(values);
    const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
    return Math.sqrt(list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / list.length);
  };

  it("changes little at a clip limit of 1, and more the higher it is", () => {
    const frame = noise(128 * 96, 5, 20).map((value) => value + 100);
    const results = [1, 2, 4, 8].map((clip) => apply(frame, 96, 128, clip));
    const spreads = [frame, ...results].map(deviation);
    expect(spreads[1]).toBeLessThan(2 * (spreads[0] as number));
    for (let i = 1; i < spreads.length; i++)
      expect(spreads[i]).toBeGreaterThan(1.3 * (spreads[i - 1] as number));
  });

  it("has no seams between tiles: an even ramp stays even", () => {
    const side = 160;
    const frame = Uint8Array.from({ length: side * side }, (_, place) => 60 + Math.floor((place % side) / 2));
    const result = apply(frame, side, side, 3);
    for (let x = 1; x < side; x++) {
      const step = (result[80 * side + x] as number) - (result[80 * side + x - 1] as number);
      expect(Math.abs(step)).toBeLessThanOrEqual(8);
    }
  });

  it("keeps the order of grey values inside a tile, and leaves an even picture where it was", () => {
    const even = apply(new Uint8Array(64 * 64).fill(90), 64, 64, 4);
    expect(new Set(even).size).toBe(1);
    expect(Math.abs((even[0] as number) - 90)).toBeLessThanOrEqual(3);
  });

  it("takes 16-bit pixels within their window, and sizes that tiles do not divide", () => {
    const grey = { window: [500, 1500], largest: 65535 } as const;
    const frame = Uint16Array.from({ length: 37 * 53 }, (_, place) => 990 + (place % 20));
    frame[0] = 65535;
    frame[1] = 0;
    const result = new Uint16Array(frame.length);
    new LocalContrast(37, 53, grey).apply(frame, 4, result);
    expect(Math.min(...result)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...result)).toBeLessThanOrEqual(1501);
    expect(deviation(result)).toBeGreaterThan(3 * deviation(frame.slice(2)));
    new LocalContrast(3, 2, grey).apply(new Uint16Array(6).fill(700), 4, new Uint16Array(6));
  });
});

describe("local contrast in a window that begins below 0", () => {
  it("keeps dark places dark", () => {
    const frame = noise(64 * 64, 2);
    const result = new Uint8Array(frame.length);
    new LocalContrast(64, 64, { window: [-50, 300], largest: 255 }).apply(frame, 8, result);
    frame.forEach((value, place) => {
      if (value < 10) expect(result[place]).toBeLessThan(60);
    });
  });
});

describe("the best filled frames", () => {
  const scores = (frames: Uint8Array[], side: number, bright = false) =>
    scoresOf(frames.map((frame) => lineMap(frame, side, side, 255, bright)));

  const boluses: [number, number, number, number][] = [
    [10, 22, 30, 45],
    [0, 6, 8, 20],
    [30, 42, 46, 60],
  ];
  it.each(boluses)("lie where vessels are full: bolus %d, %d, %d, %d", (start, full, until, end) => {
    for (const seed of [1, 2]) {
      const cine = phantom(seed, 48, 128, bolus(start, full, until, end), { noise: 5 });
      const found = bestPlaces(scores(cine.frames, 128), 3, 1);
      const most = Math.max(...cine.areas);
      expect(found).toHaveLength(3);
      expect(cine.areas[found[0] as number]).toBeGreaterThanOrEqual(0.9 * most);
      for (const place of found) expect(cine.areas[place]).toBeGreaterThanOrEqual(0.8 * most);
    }
  });

  it("are told from frames with a catheter and a diaphragm alone", () => {
    const cine = phantom(4, 40, 128, bolus(20, 26, 30, 38), { noise: 3 });
    const found = scores(cine.frames, 128);
    for (let frame = 0; frame < 18; frame++) expect(found[frame]).toBeLessThan(0.25);
    expect(emptiestPlace(found)).toBeLessThan(20);
  });

  it("are found in bright vessels too", () => {
    const cine = phantom(5, 30, 128, bolus(8, 14, 18, 26));
    const inverted = cine.frames.map((frame) => frame.map((value) => 255 - value));
    const [best] = bestPlaces(scores(inverted, 128, true), 1, 0);
    expect(cine.areas[best as number]).toBeGreaterThanOrEqual(0.9 * Math.max(...cine.areas));
  });

  it("are none where nothing comes or goes", () => {
    const frame = phantom(6, 1, 96, () => 0).frames[0] as Uint8Array;
    expect(bestPlaces(scores([frame, frame, frame], 96), 3, 0)).toEqual([]);
    expect(scores([frame.subarray(0, 16)], 4)).toEqual(Float32Array.of(0));
  });

  it("are ranked with a gap between them", () => {
    expect(bestPlaces([0.1, 0.9, 1, 0.8, 0, 0.5, 0.6], 3, 1)).toEqual([2, 6, 0]);
    expect(emptiestPlace([0.4, 0.2, 0.3, 1, 0])).toBe(1);
  });
});
