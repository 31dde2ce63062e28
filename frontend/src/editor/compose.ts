/**
 * The masks of a frame, composed once per version into runs of equal colouring, and drawn through one table.
 *
 * A pixel's code has one digit in base 3 per label: 0 outside, 1 inside, 2 on the border of its mask. The table holds,
 * for each code that occurs and each grey value, what blending the labels one after the other gives. How the masks
 * look (opacity, outlines) is a matter of the table, not of the runs.
 */

import type { MaskPixels } from "./codec";

export const INSIDE = 1;
export const BORDER = 2;

/** A mask as bits with a stride: a decoded mask, or a box of a whole bitmap. */
export interface Part {
  /** Position of the label among those that are composed; its weight is 3 to this power. */
  digit: number;
  x0: number;
  y0: number;
  width: number;
  height: number;
  bits: Uint8Array;
  /** Place of the box's first bit, and bits from row to row. */
  start: number;
  stride: number;
}

/** Runs along rows, three numbers each: first place, place after the last, code. */
export type Runs = Int32Array;

export function partOfMask(digit: number, mask: MaskPixels): Part {
  const { x0, y0, width, height, bits } = mask;
  return { digit, x0, y0, width, height, bits, start: 0, stride: width };
}

/** The box of what is set in a whole bitmap, or undefined when nothing is. */
export function partOfBitmap(
  digit: number,
  bitmap: Uint8Array,
  columns: number,
  rows: number,
): Part | undefined {
  const line = (y: number) => bitmap.subarray(y * columns, (y + 1) * columns);
  let y0 = 0;
  while (y0 < rows && isZero(line(y0))) y0++;
  if (y0 === rows) return undefined;
  let y1 = rows - 1;
  while (isZero(line(y1))) y1--;
  let [x0, x1] = [columns, -1];
  for (let y = y0; y <= y1; y++) {
    const from = y * columns;
    for (let x = 0; x < x0; x++) if (bitmap[from + x]) x0 = x;
    for (let x = columns - 1; x > x1; x--) if (bitmap[from + x]) x1 = x;
  }
  const [width, height] = [x1 - x0 + 1, y1 - y0 + 1];
  return { digit, x0, y0, width, height, bits: bitmap, start: y0 * columns + x0, stride: columns };
}

function isZero(line: Uint8Array): boolean {
  for (let place = 0; place < line.length; place++) if (line[place]) return false;
  return true;
}

/** Composes masks of one size of image; it owns the memory that this takes. */
export class Composer {
  private readonly codes: Uint16Array;
  private found = new Int32Array(3 * 4096);

  constructor(
    private readonly columns: number,
    rows: number,
  ) {
    this.codes = new Uint16Array(columns * rows);
  }

  compose(parts: readonly Part[]): Runs {
    let [x0, y0, x1, y1] = [this.columns, Number.MAX_SAFE_INTEGER, 0, 0];
    for (const part of parts) {
      if (part.width === 0) continue;
      x0 = Math.min(x0, part.x0);
      y0 = Math.min(y0, part.y0);
      x1 = Math.max(x1, part.x0 + part.width);
      y1 = Math.max(y1, part.y0 + part.height);
      this.add(part);
    }
    return x1 > x0 ? this.take(x0, y0, x1, y1) : new Int32Array(0);
  }

  private add({ digit, bits, start, stride, x0, y0, width, height }: Part): void {
    const { codes, columns } = this;
    const inside = 3 ** digit;
    const border = BORDER * inside;
    for (let y = 0; y < height; y++) {
      const isEdge = y === 0 || y === height - 1;
      const from = start + y * stride;
      const to = (y0 + y) * columns + x0;
      for (let x = 0; x < width; x++) {
        const at = from + x;
        if (!bits[at]) continue;
        const isBorder =
          isEdge ||
          x === 0 ||
          x === width - 1 ||
          !bits[at - 1] ||
          !bits[at + 1] ||
          !bits[at - stride] ||
          !bits[at + stride];
        codes[to + x] = (codes[to + x] as number) + (isBorder ? border : inside);
      }
    }
  }

  /** Turn the codes within a box into runs, and leave zeros behind. */
  private take(x0: number, y0: number, x1: number, y1: number): Runs {
    const { codes, columns } = this;
    let count = 0;
    for (let y = y0; y < y1; y++) {
      const end = y * columns + x1;
      let place = y * columns + x0;
      while (place < end) {
        const code = codes[place] as number;
        if (code === 0) {
          place++;
          continue;
        }
        const first = place;
        while (place < end && codes[place] === code) place++;
        if (count + 3 > this.found.length) {
          const larger = new Int32Array(2 * this.found.length);
          larger.set(this.found);
          this.found = larger;
        }
        this.found[count++] = first;
        this.found[count++] = place;
        this.found[count++] = code;
      }
      codes.fill(0, y * columns + x0, end);
    }
    return this.found.slice(0, count);
  }
}

/** How strongly a label covers what lies under it. */
export function alphaOf(digit: number, opacity: number, outlineOnly: boolean): number {
  if (digit === BORDER) return Math.max(0.85, opacity);
  return digit === INSIDE && !outlineOnly ? opacity : 0;
}

/** Colours by code and grey value, as little-endian RGBA words, filled in for the codes that occur. */
export class BlendTable {
  private readonly words: Int32Array;
  private readonly known: Uint8Array;

  constructor(
    private readonly colours: readonly (readonly [number, number, number])[],
    private readonly opacity: number,
    private readonly outlineOnly: boolean,
  ) {
    const codes = 3 ** colours.length;
    this.words = new Int32Array(codes * 256);
    this.known = new Uint8Array(codes);
  }

  private fill(code: number): void {
    this.known[code] = 1;
    for (let grey = 0; grey < 256; grey++) {
      let [red, green, blue] = [grey, grey, grey];
      let rest = code;
      for (const colour of this.colours) {
        const alpha = alphaOf(rest % 3, this.opacity, this.outlineOnly);
        rest = Math.floor(rest / 3);
        red = Math.trunc(red * (1 - alpha) + colour[0] * alpha);
        green = Math.trunc(green * (1 - alpha) + colour[1] * alpha);
        blue = Math.trunc(blue * (1 - alpha) + colour[2] * alpha);
      }
      this.words[code * 256 + grey] = 0xff000000 | (blue << 16) | (green << 8) | red;
    }
  }

  /** Colour the runs of an image that has been painted already; each channel is blended by itself. */
  paint(target: Int32Array, runs: Runs, isGrey: boolean): void {
    const { words, known } = this;
    for (let at = 0; at < runs.length; at += 3) {
      const end = runs[at + 1] as number;
      const code = runs[at + 2] as number;
      if (!known[code]) this.fill(code);
      const from = code * 256;
      if (isGrey) {
        for (let place = runs[at] as number; place < end; place++) {
          target[place] = words[from + ((target[place] as number) & 0xff)] as number;
        }
      } else {
        for (let place = runs[at] as number; place < end; place++) {
          const under = target[place] as number;
          target[place] =
            ((words[from + (under & 0xff)] as number) & 0xff0000ff) |
            ((words[from + ((under >> 8) & 0xff)] as number) & 0x0000ff00) |
            ((words[from + ((under >> 16) & 0xff)] as number) & 0x00ff0000);
        }
      }
    }
  }
}
