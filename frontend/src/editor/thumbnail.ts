/** A frame made small: each pixel the mean of a few, spread over the part of the image that it stands for. */

import type { FramePixels } from "./frames";
import type { CineInfo } from "./types";

const SAMPLES = 3;

/** RGBA bytes (height, width) of a whole frame under the cine's own window. */
export function thumbnailOf(
  cine: Pick<CineInfo, "rows" | "columns" | "channels" | "window">,
  pixels: FramePixels,
  width: number,
  height: number,
): Uint8ClampedArray<ArrayBuffer> {
  const { rows, columns, channels } = cine;
  const [low, high] = cine.window;
  const scale = 255 / Math.max(high - low, 1e-6);
  const out = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const from = channels === 3 ? channel : 0;
        let sum = 0;
        for (let sample = 0; sample < SAMPLES * SAMPLES; sample++) {
          const [across, down] = [(sample % SAMPLES) + 0.5, Math.floor(sample / SAMPLES) + 0.5];
          const column = Math.floor(((x + across / SAMPLES) * columns) / width);
          const row = Math.floor(((y + down / SAMPLES) * rows) / height);
          sum += pixels[(row * columns + column) * channels + from] ?? 0;
        }
        out[(y * width + x) * 4 + channel] = (sum / (SAMPLES * SAMPLES) - low) * scale;
      }
      out[(y * width + x) * 4 + 3] = 255;
    }
  }
  return out;
}

/** The least of 1, 2, 5, 10, 20, ... that is not below a number. */
export function niceStep(least: number): number {
  for (let power = 1; ; power *= 10) {
    for (const digit of [1, 2, 5]) if (digit * power >= least) return digit * power;
  }
}
