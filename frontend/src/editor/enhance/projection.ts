/** The darkest value that each pixel has over some frames: all that contrast medium ever filled, in one picture. */

import type { FramePixels } from "../frames";

/** Take one more frame into a projection; of bright vessels the brightest values are kept. */
export function project(projection: FramePixels, frame: FramePixels, bright: boolean): void {
  if (bright) {
    for (let place = 0; place < projection.length; place++) {
      const value = frame[place] as number;
      if (value > (projection[place] as number)) projection[place] = value;
    }
    return;
  }
  for (let place = 0; place < projection.length; place++) {
    const value = frame[place] as number;
    if (value < (projection[place] as number)) projection[place] = value;
  }
}
