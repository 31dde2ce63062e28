/**
 * The mask codec of workers/protocol/rle.py: a 32-byte little-endian header, then LEB128 run lengths over the
 * bounding box in row-major order, the first run being background. One mask has exactly one encoding.
 */

export const HEADER_BYTES = 32;
const MAX_PIXELS = 1 << 26;

export type Provenance = "HUMAN" | "MODEL" | "PROPAGATED" | "INTERPOLATED";
export const PROVENANCES: readonly Provenance[] = ["HUMAN", "MODEL", "PROPAGATED", "INTERPOLATED"];

export interface MaskHeader {
  /** 1-based position of the label in its schema; 0 in stored masks. */
  labelIndex: number;
  frameIndex: number;
  columns: number;
  rows: number;
  x0: number;
  y0: number;
  width: number;
  height: number;
  accepted: boolean;
  provenance: Provenance;
  runId: number;
  serverMs: number;
}

/** A decoded mask: one byte a pixel (0 or 1) over its bounding box, row-major. */
export interface MaskPixels {
  columns: number;
  rows: number;
  x0: number;
  y0: number;
  width: number;
  height: number;
  bits: Uint8Array;
}

export class MaskCodecError extends Error {}

export function readHeader(data: Uint8Array): MaskHeader {
  if (data.length < HEADER_BYTES) throw new MaskCodecError("A mask has at least 32 bytes.");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data[0] !== 0x43 || data[1] !== 0x4d) throw new MaskCodecError("The bytes are not a mask.");
  if (data[2] !== 1) throw new MaskCodecError(`Masks of version ${data[2]} are not known.`);
  const provenance = PROVENANCES[data[21] ?? 0];
  const header = {
    labelIndex: data[3] ?? 0,
    frameIndex: view.getUint32(4, true),
    columns: view.getUint16(8, true),
    rows: view.getUint16(10, true),
    x0: view.getUint16(12, true),
    y0: view.getUint16(14, true),
    width: view.getUint16(16, true),
    height: view.getUint16(18, true),
    accepted: ((data[20] ?? 0) & 1) === 1,
    runId: view.getUint16(22, true),
    serverMs: view.getFloat64(24, true),
  };
  const fits = header.x0 + header.width <= header.columns && header.y0 + header.height <= header.rows;
  if (
    !provenance ||
    !fits ||
    header.columns * header.rows > MAX_PIXELS ||
    header.columns * header.rows === 0
  ) {
    throw new MaskCodecError("The header of the mask is out of bounds.");
  }
  return { ...header, provenance };
}

export function decodeMask(data: Uint8Array): MaskPixels {
  const { columns, rows, x0, y0, width, height } = readHeader(data);
  const bits = new Uint8Array(width * height);
  let place = HEADER_BYTES;
  let pixel = 0;
  let value = 0;
  while (place < data.length) {
    let run = 0;
    let scale = 1;
    let byte = 0;
    do {
      byte = data[place++] ?? 0x100;
      if (byte > 0xff) throw new MaskCodecError("The last run of the mask is cut off.");
      run += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte & 0x80);
    if (pixel + run > bits.length) throw new MaskCodecError("The runs of the mask overflow its box.");
    if (value) bits.fill(1, pixel, pixel + run);
    pixel += run;
    value ^= 1;
  }
  if (pixel !== bits.length) throw new MaskCodecError("The runs of the mask do not fill its box.");
  return { columns, rows, x0, y0, width, height, bits };
}

/** Encode a full-size bitmap (rows * columns bytes, 0 or not 0) in the stored form. */
export function encodeMask(bitmap: Uint8Array, columns: number, rows: number): Uint8Array {
  let x0 = columns;
  let y0 = rows;
  let x1 = -1;
  let y1 = -1;
  for (let y = 0; y < rows; y++) {
    const line = bitmap.subarray(y * columns, (y + 1) * columns);
    const first = line.findIndex((bit) => bit !== 0);
    if (first < 0) continue;
    let last = columns - 1;
    while (!line[last]) last--;
    if (first < x0) x0 = first;
    if (last > x1) x1 = last;
    if (y0 === rows) y0 = y;
    y1 = y;
  }
  const isEmpty = x1 < 0;
  const width = isEmpty ? 0 : x1 - x0 + 1;
  const height = isEmpty ? 0 : y1 - y0 + 1;
  const bytes: number[] = [];
  const push = (run: number) => {
    let rest = run;
    while (rest >= 0x80) {
      bytes.push((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    bytes.push(rest);
  };
  if (!isEmpty) {
    let value = 0;
    let run = 0;
    for (let y = y0; y <= y1; y++) {
      for (let x = x0; x <= x1; x++) {
        const bit = bitmap[y * columns + x] ? 1 : 0;
        if (bit === value) run++;
        else {
          push(run);
          value = bit;
          run = 1;
        }
      }
    }
    push(run);
  }
  const data = new Uint8Array(HEADER_BYTES + bytes.length);
  const view = new DataView(data.buffer);
  data.set([0x43, 0x4d, 1, 0]);
  view.setUint16(8, columns, true);
  view.setUint16(10, rows, true);
  view.setUint16(12, isEmpty ? 0 : x0, true);
  view.setUint16(14, isEmpty ? 0 : y0, true);
  view.setUint16(16, width, true);
  view.setUint16(18, height, true);
  data.set(bytes, HEADER_BYTES);
  return data;
}

/** Spread a mask over a full-size bitmap, one byte a pixel. */
export function toBitmap(mask: MaskPixels): Uint8Array {
  const bitmap = new Uint8Array(mask.columns * mask.rows);
  for (let y = 0; y < mask.height; y++) {
    const row = mask.bits.subarray(y * mask.width, (y + 1) * mask.width);
    bitmap.set(row, (mask.y0 + y) * mask.columns + mask.x0);
  }
  return bitmap;
}

export function maskArea(mask: MaskPixels): number {
  let area = 0;
  for (const bit of mask.bits) area += bit;
  return area;
}

export function toBase64(data: Uint8Array): string {
  let text = "";
  for (let start = 0; start < data.length; start += 0x8000) {
    text += String.fromCharCode(...data.subarray(start, start + 0x8000));
  }
  return btoa(text);
}

export function fromBase64(text: string): Uint8Array {
  const raw = atob(text);
  const data = new Uint8Array(raw.length);
  for (let place = 0; place < raw.length; place++) data[place] = raw.charCodeAt(place);
  return data;
}
