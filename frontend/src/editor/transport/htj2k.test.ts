import { inflateSync, crc32 as zlibCrc32 } from "node:zlib";
import createCodec, { type Codec } from "@cornerstonejs/codec-openjph";
import { beforeAll, describe, expect, it } from "vitest";
import SENT from "../../testing/codestreams.json";
import { crc32, type FrameShape, Htj2k } from "./htj2k";

/** Pixels that nothing can predict, and those with the largest steps. */
function noise(bytes: number): Uint8Array {
  let state = 12345;
  return Uint8Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

const SHAPES: FrameShape[] = [
  [1, 1, 1, 8],
  [1, 1, 1, 16],
  [7, 1, 1, 8],
  [1, 513, 1, 16],
  [63, 65, 1, 8],
  [255, 257, 1, 16],
  [37, 53, 3, 8],
].map(([rows = 0, columns = 0, channels = 0, bitsAllocated = 0]) => ({
  rows,
  columns,
  channels,
  bitsAllocated,
}));

let codec: Codec;
let decoder: Htj2k;

beforeAll(async () => {
  codec = await createCodec({ print: () => undefined, printErr: () => undefined });
  decoder = new Htj2k(codec);
});

function encode(pixels: Uint8Array, shape: FrameShape): ArrayBuffer {
  const encoder = new codec.HTJ2KEncoder();
  encoder
    .getDecodedBuffer({
      width: shape.columns,
      height: shape.rows,
      bitsPerSample: shape.bitsAllocated,
      componentCount: shape.channels,
      isSigned: false,
      isUsingColorTransform: false,
    })
    .set(pixels);
  encoder.setQuality(true, 0);
  encoder.encode();
  const data = encoder.getEncodedBuffer().slice().buffer;
  encoder.delete();
  return data;
}

const bytesOf = (shape: FrameShape) =>
  shape.rows * shape.columns * shape.channels * (shape.bitsAllocated > 8 ? 2 : 1);

const sent = SENT.map(({ name, rows, columns, bits, pixels, codestream, crc32: sum }) => ({
  name,
  shape: { rows, columns, channels: 1, bitsAllocated: bits },
  pixels: new Uint8Array(inflateSync(Buffer.from(pixels, "base64"))),
  codestream: {
    data: Uint8Array.from(Buffer.from(codestream, "base64")).buffer,
    crc32: Number.parseInt(sum, 16),
  },
}));

describe("the decoder of HTJ2K", () => {
  it.each(sent)("gives the pixels of an angiogram as the server encodes it: $name", (frame) => {
    const pixels = new Uint8Array(decoder.decode(frame.codestream, frame.shape));
    expect(Buffer.compare(pixels, frame.pixels)).toBe(0);
    expect(frame.codestream.data.byteLength).toBeLessThan(pixels.length);
  });

  it.each(SHAPES)("is exact for $rows × $columns × $channels at $bitsAllocated bit", (shape) => {
    const black = new Uint8Array(bytesOf(shape));
    const steps = black.map((_, place) => (place % 4 < 2 ? 255 : 0));
    for (const pixels of [noise(black.length), steps, black, black.map(() => 255)]) {
      const codestream = { data: encode(pixels, shape), crc32: crc32(pixels) };
      expect(Buffer.compare(new Uint8Array(decoder.decode(codestream, shape)), pixels)).toBe(0);
    }
  });

  it("refuses what is damaged, cut off, empty or nothing of its kind, and goes on with the next", () => {
    const [frame] = sent;
    if (!frame) throw new Error("There is nothing to decode.");
    const { data, crc32: sum } = frame.codestream;
    const damaged = new Uint8Array(data.slice(0));
    damaged.fill(7, damaged.length >> 1, (damaged.length >> 1) + 40);
    const bad = [
      damaged.buffer,
      data.slice(0, data.byteLength >> 1),
      data.slice(0, 20),
      new ArrayBuffer(0),
      new TextEncoder().encode("<html>Sign in to this network</html>").buffer as ArrayBuffer,
    ];
    for (const stream of bad) {
      expect(() => decoder.decode({ data: stream, crc32: sum }, frame.shape)).toThrow();
      expect(new Uint8Array(decoder.decode(frame.codestream, frame.shape))).toEqual(frame.pixels);
    }
  });

  it("refuses a frame of another cine", () => {
    const [eight, sixteen] = sent;
    if (!eight || !sixteen) throw new Error("There is nothing to decode.");
    expect(() => decoder.decode(eight.codestream, sixteen.shape)).toThrow("88 × 60 × 1 at 8 bit");
    expect(() => decoder.decode(eight.codestream, { ...eight.shape, rows: 61 })).toThrow();
    expect(() =>
      decoder.decode({ ...eight.codestream, crc32: sixteen.codestream.crc32 }, eight.shape),
    ).toThrow("does not hold the pixels");
  });
});

describe("the checksum", () => {
  it("is the one of zlib, whatever the length", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
    for (const length of [0, 1, 2, 3, 4, 5, 1023, 65536]) {
      expect(crc32(noise(length))).toBe(zlibCrc32(noise(length)));
    }
  });
});
