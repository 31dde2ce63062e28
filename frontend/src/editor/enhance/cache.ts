/** Pictures by name, the least recently used of which go when they have too many bytes. */

import { ByteCache } from "../cache";
import type { FramePixels } from "../frames";

export class PictureCache {
  private readonly pictures: ByteCache<string, FramePixels>;

  constructor(limitBytes: number) {
    this.pictures = new ByteCache(limitBytes);
  }

  get size(): number {
    return this.pictures.size;
  }

  /** The picture of a name, made if it is not there. Buffers are not used again: who draws may tell pictures apart by identity. */
  get(name: string, make: () => FramePixels): FramePixels {
    const known = this.pictures.get(name);
    if (known) return known;
    const picture = make();
    this.pictures.set(name, picture, picture.byteLength);
    return picture;
  }
}
