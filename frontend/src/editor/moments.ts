/** Area and centre of a mask straight from its runs, without its pixels: cheap enough for every frame of a long cine. */

import { HEADER_BYTES, readHeader } from "./codec";

export interface Moments {
  /** Pixels. */
  area: number;
  /** Centre in image pixels; the centre of the first pixel is (0.5, 0.5). */
  x: number;
  y: number;
}

export function momentsOf(data: Uint8Array): Moments {
  const { x0, y0, width } = readHeader(data);
  let [pixel, value, area, sumX, sumY] = [0, 0, 0, 0, 0];
  for (let place = HEADER_BYTES; place < data.length; ) {
    let [run, scale, byte] = [0, 1, 0];
    do {
      byte = data[place++] ?? 0;
      run += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte & 0x80);
    if (value) {
      for (let left = run, at = pixel; left > 0; ) {
        const column = at % width;
        const length = Math.min(left, width - column);
        area += length;
        sumX += length * (column + length / 2);
        sumY += length * (Math.floor(at / width) + 0.5);
        at += length;
        left -= length;
      }
    }
    pixel += run;
    value ^= 1;
  }
  return area ? { area, x: x0 + sumX / area, y: y0 + sumY / area } : { area: 0, x: 0, y: 0 };
}
