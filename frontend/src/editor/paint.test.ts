import { describe, expect, it } from "vitest";
import { greyTable, paintGrey, paintMask, paintRgb, parseColour, stampStroke } from "./paint";

const grey = (word: number | undefined) => (word ?? 0) & 0xff;

describe("grey values", () => {
  it("are windowed linearly and cut off at the ends", () => {
    const table = greyTable(100, 200, false, 256);
    expect([0, 100, 150, 200, 255].map((value) => grey(table[value]))).toEqual([0, 0, 128, 255, 255]);
    expect(grey(greyTable(100, 200, true, 256)[100])).toBe(255);
  });

  it("reach the canvas for 8 bits, 16 bits and colour", () => {
    const words = new Uint32Array(2);
    paintGrey(words, Uint8Array.from([0, 255]), greyTable(0, 255, false, 256));
    expect([...words]).toEqual([0xff000000, 0xffffffff]);
    paintGrey(words, Uint16Array.from([0, 4095]), greyTable(0, 4095, false, 65536));
    expect([...words]).toEqual([0xff000000, 0xffffffff]);
    paintRgb(words, Uint8Array.from([255, 0, 0, 0, 0, 255]), greyTable(0, 255, false, 256));
    expect([...words]).toEqual([0xff0000ff, 0xffff0000]);
  });
});

describe("masks over the image", () => {
  const square = { columns: 5, rows: 5, x0: 1, y0: 1, width: 3, height: 3, bits: new Uint8Array(9).fill(1) };

  it("have a strong border and a translucent inside", () => {
    const words = new Uint32Array(25).fill(0xff000000);
    paintMask(words, 5, square, parseColour("#ff0000"), 0.4, false);
    expect(grey(words[6])).toBeGreaterThan(200);
    expect(grey(words[12])).toBe(Math.floor(255 * 0.4));
    expect(words[0]).toBe(0xff000000);
  });

  it("leave the inside alone when only outlines are wanted", () => {
    const words = new Uint32Array(25).fill(0xff000000);
    paintMask(words, 5, square, parseColour("#ff0000"), 0.4, true);
    expect(words[12]).toBe(0xff000000);
  });
});

describe("a stroke", () => {
  it("covers the pixels whose centres lie within its radius, and no others", () => {
    const bitmap = new Uint8Array(20 * 10);
    stampStroke(bitmap, 20, 10, { x: 4, y: 5 }, { x: 12, y: 5 }, 2, 1);
    for (let y = 0; y < 10; y++) {
      for (let x = 0; x < 20; x++) {
        const nearest = Math.min(Math.max(x + 0.5, 4), 12);
        const isNear = Math.hypot(x + 0.5 - nearest, y + 0.5 - 5) <= 2;
        expect(bitmap[y * 20 + x]).toBe(isNear ? 1 : 0);
      }
    }
  });

  it("stays within the image and erases too", () => {
    const bitmap = new Uint8Array(16).fill(1);
    stampStroke(bitmap, 4, 4, { x: -5, y: -5 }, { x: 9, y: 9 }, 3, 0);
    expect(bitmap.reduce((sum, bit) => sum + bit, 0)).toBeLessThan(16);
  });
});
