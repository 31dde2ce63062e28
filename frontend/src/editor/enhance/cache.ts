/** Pictures by name, the least recently used of which go when they have too many bytes. */

import type { FramePixels } from "../frames";

export class PictureCache {
  private readonly pictures = new Map<string, FramePixels>();
  private bytes = 0;

  constructor(private readonly limitBytes: number) {}

  get size(): number {
    return this.pictures.size;
  }

  /** The picture of a name, made if it is not there. Buffers are not used again: who draws may tell pictures apart by identity. */
  get(name: string, make: () => FramePixels): FramePixels {
    let picture = this.pictures.get(name);
    if (picture) this.pictures.delete(name);
    else {
      picture = make();
      this.bytes += picture.byteLength;
    }
    this.pictures.set(name, picture);
    for (const [oldest, { byteLength }] of this.pictures) {
      if (this.bytes <= this.limitBytes || oldest === name) break;
      this.pictures.delete(oldest);
      this.bytes -= byteLength;
    }
    return picture;
  }
}
