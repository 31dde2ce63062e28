/** From an HTJ2K codestream to the exact pixels of a frame, or an error: never to pixels that are nearly right. */

import type { Codec, HTJ2KDecoder } from "@cornerstonejs/codec-openjph";

/** What the pixels of a frame have to be. */
export interface FrameShape {
  rows: number;
  columns: number;
  channels: number;
  bitsAllocated: number;
}

export interface Codestream {
  data: ArrayBuffer;
  /** CRC-32 of the pixels as they were before they were encoded. */
  crc32: number;
}

export class Htj2k {
  private readonly decoder: HTJ2KDecoder;

  constructor(codec: Codec) {
    this.decoder = new codec.HTJ2KDecoder();
  }

  /**
   * The pixels: little endian, row-major, colours interleaved.
   *
   * The codec takes a codestream that is cut off or damaged for a poorer one and says nothing, hence the checksum.
   */
  decode({ data, crc32: expected }: Codestream, shape: FrameShape): ArrayBuffer {
    this.decoder.getEncodedBuffer(data.byteLength).set(new Uint8Array(data));
    this.decoder.decode();
    const { width, height, bitsPerSample, componentCount, isSigned } = this.decoder.getFrameInfo();
    const isOurs =
      width === shape.columns &&
      height === shape.rows &&
      componentCount === shape.channels &&
      bitsPerSample === shape.bitsAllocated &&
      !isSigned;
    if (!isOurs) {
      throw new Error(
        `The codestream holds ${width} × ${height} × ${componentCount} at ${bitsPerSample} bit.`,
      );
    }
    const pixels = this.decoder.getDecodedBuffer().slice();
    if (crc32(pixels) !== expected) throw new Error("The codestream does not hold the pixels of the frame.");
    return pixels.buffer;
  }
}

/** Four tables, each for a byte that is another place further on: four bytes at once. */
const TABLES = Array.from({ length: 4 }, () => new Uint32Array(256));
const [T0, T1, T2, T3] = TABLES as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
for (let byte = 0; byte < 256; byte++) {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  T0[byte] = rest;
}
for (let place = 1; place < 4; place++) {
  const [before, table] = [TABLES[place - 1] as Uint32Array, TABLES[place] as Uint32Array];
  for (let byte = 0; byte < 256; byte++) {
    const rest = before[byte] as number;
    table[byte] = (T0[rest & 255] as number) ^ (rest >>> 8);
  }
}

/** CRC-32 as zlib, gzip and PNG compute it (ISO 3309). */
export function crc32(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  const whole = bytes.length - (bytes.length % 4);
  let at = 0;
  for (; at < whole; at += 4) {
    rest ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    rest =
      (T3[rest & 255] as number) ^
      (T2[(rest >>> 8) & 255] as number) ^
      (T1[(rest >>> 16) & 255] as number) ^
      (T0[rest >>> 24] as number);
  }
  for (; at < bytes.length; at++) rest = (T0[(rest ^ (bytes[at] as number)) & 255] as number) ^ (rest >>> 8);
  return ~rest >>> 0;
}
