import { describe, expect, it } from "vitest";
import { ByteCache } from "./cache";
import { decodeMask, encodeMask } from "./codec";
import { BlendTable, Composer, partOfBitmap, partOfMask } from "./compose";
import { greyTable, paintGrey, paintMask, paintRgb, parseColour } from "./paint";

let seed = 20;
const random = () => {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return seed / 0x80000000;
};

const COLOURS = ["#ff922b", "#4dabf7", "#69db7c", "#f06595", "#ffffff", "#000000", "#fcc419", "#845ef7"].map(
  parseColour,
);

/** A blob of disks, so that masks have insides, borders, holes and overlaps. */
function blob(columns: number, rows: number): Uint8Array {
  const bitmap = new Uint8Array(columns * rows);
  for (let disk = 0; disk < 5; disk++) {
    const [cx, cy, radius, value] = [
      random() * columns,
      random() * rows,
      1 + random() * 9,
      random() < 0.8 ? 1 : 0,
    ];
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        if (Math.hypot(x - cx, y - cy) <= radius) bitmap[y * columns + x] = value;
      }
    }
  }
  return bitmap;
}

describe("composed masks", () => {
  it.each([
    [1, true],
    [3, true],
    [8, true],
    [3, false],
  ])("look as if the %i labels had been painted one after the other (grey: %s)", (count, isGrey) => {
    const [columns, rows] = [37, 29];
    const composer = new Composer(columns, rows);
    for (let round = 0; round < 12; round++) {
      const [opacity, outlineOnly] = [random(), random() < 0.3];
      const colours = COLOURS.slice(0, count);
      const blend = new BlendTable(colours, opacity, outlineOnly);
      const frame = Uint8Array.from({ length: columns * rows * (isGrey ? 1 : 3) }, () => random() * 256);
      const table = greyTable(20, 220, round % 2 === 1, 256);
      const plain = new Uint32Array(columns * rows);
      (isGrey ? paintGrey : paintRgb)(plain, frame, table);
      const composed = new Int32Array(plain);
      const bitmaps = colours.map(() =>
        random() < 0.1 ? new Uint8Array(columns * rows) : blob(columns, rows),
      );
      const parts = bitmaps.flatMap((bitmap, digit) => {
        const mask = decodeMask(encodeMask(bitmap, columns, rows));
        if (mask.width > 0) {
          paintMask(plain, columns, mask, colours[digit] ?? [0, 0, 0], opacity, outlineOnly);
        }
        return (digit + round) % 2
          ? partOfMask(digit, mask)
          : (partOfBitmap(digit, bitmap, columns, rows) ?? []);
      });
      blend.paint(composed, composer.compose(parts), isGrey);
      expect(new Uint32Array(composed.buffer)).toEqual(plain);
    }
  });

  it("leave the image alone when there are none", () => {
    const composer = new Composer(8, 8);
    expect(composer.compose([])).toHaveLength(0);
    expect(partOfBitmap(0, new Uint8Array(64), 8, 8)).toBeUndefined();
  });
});

describe("a cache of bytes", () => {
  it("never holds more than its limit, and keeps what was used last", () => {
    const cache = new ByteCache<number, string>(100);
    for (let round = 0; round < 500; round++) {
      const key = Math.floor(random() * 30);
      if (random() < 0.3) cache.delete(key);
      else cache.set(key, `${key}`, Math.floor(random() * 40));
      expect(cache.heldBytes).toBeLessThanOrEqual(100);
    }
    cache.clear();
    expect(cache.heldBytes).toBe(0);
    for (const key of [1, 2, 3, 4]) cache.set(key, `${key}`, 25);
    expect(cache.get(1)).toBe("1");
    cache.set(5, "5", 25);
    expect(cache.get(2)).toBeUndefined();
    expect(cache.get(1)).toBe("1");
  });

  it("keeps the newest even beyond the limit", () => {
    const cache = new ByteCache<string, number>(10);
    cache.set("small", 1, 5);
    cache.set("huge", 2, 50);
    expect(cache.get("huge")).toBe(2);
    expect(cache.get("small")).toBeUndefined();
  });
});
