/** Grey values of a frame, whatever its pixels are. */

import type { FramePixels } from "./frames";
import type { CineInfo } from "./types";

/** Stored values as they are; of colours, the luma of ITU-R BT.601. */
export function greyOf(
  frame: FramePixels,
  cine: Pick<CineInfo, "rows" | "columns" | "channels">,
): Float32Array {
  if (cine.channels !== 3) return Float32Array.from(frame);
  const grey = new Float32Array(cine.rows * cine.columns);
  for (let place = 0, at = 0; place < grey.length; place++, at += 3) {
    grey[place] = 0.299 * (frame[at] ?? 0) + 0.587 * (frame[at + 1] ?? 0) + 0.114 * (frame[at + 2] ?? 0);
  }
  return grey;
}
