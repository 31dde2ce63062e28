import { describe, expect, it } from "vitest";
import {
  decodeMask,
  encodeMask,
  fromBase64,
  MaskCodecError,
  maskArea,
  readHeader,
  toBase64,
  toBitmap,
} from "./codec";

/** Bytes that workers/protocol/rle.py made: see tests/workers/protocol/test_rle.py for the same ones. */
const SQUARE_IN_6_BY_4 = "434d0100000000000600040002000100020002000000000000000000000000000004";

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

describe("the mask codec", () => {
  it("writes the same bytes as the server", () => {
    const bitmap = new Uint8Array(24);
    for (const place of [8, 9, 14, 15]) bitmap[place] = 1;
    expect(encodeMask(bitmap, 6, 4)).toEqual(fromHex(SQUARE_IN_6_BY_4));
  });

  it("gives back every mask it wrote", () => {
    for (let seed = 1; seed < 60; seed++) {
      const next = random(seed);
      const columns = 1 + Math.floor(next() * 300);
      const rows = 1 + Math.floor(next() * 40);
      const density = next() ** 2;
      const bitmap = Uint8Array.from({ length: rows * columns }, () => (next() < density ? 1 : 0));
      const mask = decodeMask(encodeMask(bitmap, columns, rows));
      expect(toBitmap(mask)).toEqual(bitmap);
      expect(maskArea(mask)).toBe(bitmap.reduce((sum, bit) => sum + bit, 0));
    }
  });

  it("writes an empty mask without a box", () => {
    const data = encodeMask(new Uint8Array(12), 4, 3);
    expect(data.length).toBe(32);
    expect(readHeader(data)).toMatchObject({ columns: 4, rows: 3, width: 0, height: 0 });
  });

  it.each([
    ["too short", (data: Uint8Array) => data.subarray(0, 20)],
    ["another magic", (data: Uint8Array) => data.fill(0, 0, 1)],
    ["another version", (data: Uint8Array) => data.fill(9, 2, 3)],
    ["a box beyond the image", (data: Uint8Array) => data.fill(200, 12, 13)],
    ["runs that are cut off", (data: Uint8Array) => data.subarray(0, data.length - 1)],
    ["runs that overflow", (data: Uint8Array) => data.fill(0x7f, 33, 34)],
  ])("refuses %s", (_, spoil) => {
    const data = fromHex(SQUARE_IN_6_BY_4);
    expect(() => decodeMask(spoil(data))).toThrow(MaskCodecError);
  });

  it("survives base64", () => {
    const data = Uint8Array.from({ length: 70_000 }, (_, place) => place % 256);
    expect(fromBase64(toBase64(data))).toEqual(data);
  });
});
