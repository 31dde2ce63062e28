import { describe, expect, it } from "vitest";
import { niceStep, thumbnailOf } from "./thumbnail";

describe("a thumbnail", () => {
  it("is a small picture of the whole frame, windowed, in grey or colour and any bit depth", () => {
    const grey = new Uint16Array(60 * 40).map((_, place) => (place % 60 < 30 ? 1000 : 3000));
    const small = thumbnailOf({ rows: 40, columns: 60, channels: 1, window: [1000, 3000] }, grey, 6, 4);
    for (let place = 0; place < 24; place++) {
      const value = place % 6 < 3 ? 0 : 255;
      expect([...small.subarray(place * 4, place * 4 + 4)]).toEqual([value, value, value, 255]);
    }
    const rgb = new Uint8Array(9 * 9 * 3).map((_, place) => [200, 100, 50][place % 3] ?? 0);
    const colour = thumbnailOf({ rows: 9, columns: 9, channels: 3, window: [0, 255] }, rgb, 3, 3);
    expect([...colour.subarray(0, 4)]).toEqual([200, 100, 50, 255]);
  });

  it("may be larger than its frame", () => {
    const frame = new Uint8Array([0, 255, 255, 0]);
    const large = thumbnailOf({ rows: 2, columns: 2, channels: 1, window: [0, 255] }, frame, 8, 8);
    expect([large[0], large[7 * 4], large[7 * 8 * 4], large[63 * 4]]).toEqual([0, 255, 255, 0]);
  });
});

it("steps are round numbers", () => {
  expect([0.1, 1, 1.2, 3, 7, 10, 11, 120, 999].map(niceStep)).toEqual([1, 1, 2, 5, 10, 10, 20, 200, 1000]);
});
