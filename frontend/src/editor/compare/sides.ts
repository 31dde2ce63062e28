/**
 * The masks of the other side of a comparison: what the model answered, which the document of the reading keeps, or
 * those of another reading, loaded in stretches of frames around the cursor and held within a limit of bytes.
 */

import { ByteCache } from "../cache";
import { decodeMask, fromBase64, type MaskPixels } from "../codec";
import type { ReadingDocument } from "../document";
import type { ComparisonGateway } from "./second";

/** Frames that are fetched at once. */
export const STRETCH = 16;
const HELD_BYTES = 8_000_000;
const DECODED_BYTES = 8_000_000;
/** What a mask takes beside its bytes, about. */
const OVERHEAD = 200;

export interface SideMask {
  data: Uint8Array;
  /** 0 where somebody has said that there is nothing. */
  area: number;
  /** Whether the question that it answers was taken back. */
  isUndone?: boolean;
}

export interface Side {
  mask(labelIndex: number, frameIndex: number): SideMask | undefined;
  /** Whether what is to be known of a frame is here. */
  isKnown(frameIndex: number): boolean;
  /** Whether it has been here, if it was forgotten since. */
  wasKnown(frameIndex: number): boolean;
  /** Fetch what is to be known of a frame; the same request serves its neighbours. */
  need(frameIndex: number): Promise<void>;
}

/** One request for each stretch of frames, however many ask. */
abstract class StretchedSide implements Side {
  private readonly pending = new Map<number, Promise<void>>();
  protected readonly seen = new Set<number>();

  constructor(private readonly frameCount: number) {}

  abstract mask(labelIndex: number, frameIndex: number): SideMask | undefined;
  protected abstract knows(stretch: number): boolean;
  protected abstract fetch(stretch: number, start: number, stop: number): Promise<void>;

  isKnown(frameIndex: number): boolean {
    return this.knows(Math.floor(frameIndex / STRETCH));
  }

  wasKnown(frameIndex: number): boolean {
    return this.seen.has(Math.floor(frameIndex / STRETCH));
  }

  need(frameIndex: number): Promise<void> {
    const stretch = Math.floor(frameIndex / STRETCH);
    if (this.knows(stretch)) return Promise.resolve();
    const known = this.pending.get(stretch);
    if (known) return known;
    const start = stretch * STRETCH;
    const stop = Math.min(start + STRETCH, this.frameCount) - 1;
    const request = this.fetch(stretch, start, stop).finally(() => this.pending.delete(stretch));
    this.pending.set(stretch, request);
    return request;
  }
}

export class ModelSide extends StretchedSide {
  constructor(
    private readonly document: ReadingDocument,
    private readonly gateway: Pick<ComparisonGateway, "answers">,
    frameCount: number,
  ) {
    super(frameCount);
  }

  mask(labelIndex: number, frameIndex: number): SideMask | undefined {
    return this.document.answer(labelIndex, frameIndex);
  }

  protected knows(stretch: number): boolean {
    return this.seen.has(stretch);
  }

  protected async fetch(stretch: number, start: number, stop: number): Promise<void> {
    const rows = await this.gateway.answers(start, stop);
    this.seen.add(stretch);
    // What belongs to an event that this tab has not heard of comes with that event.
    this.document.merge(
      [],
      rows.filter((row) => row.event_seq <= this.document.revision),
    );
  }
}

export class ReadingSide extends StretchedSide {
  private readonly held = new ByteCache<number, ReadonlyMap<string, SideMask>>(HELD_BYTES);
  private revision: number | undefined;

  constructor(
    private readonly id: string,
    private readonly gateway: Pick<ComparisonGateway, "otherMasks">,
    frameCount: number,
  ) {
    super(frameCount);
  }

  mask(labelIndex: number, frameIndex: number): SideMask | undefined {
    return this.held.get(Math.floor(frameIndex / STRETCH))?.get(`${labelIndex}:${frameIndex}`);
  }

  protected knows(stretch: number): boolean {
    return this.held.get(stretch) !== undefined;
  }

  protected async fetch(stretch: number, start: number, stop: number): Promise<void> {
    const { revision, masks } = await this.gateway.otherMasks(this.id, start, stop);
    // Its reader goes on meanwhile: masks of two revisions do not stand side by side.
    if (this.revision !== revision) {
      this.held.clear();
      this.seen.clear();
    }
    this.revision = revision;
    const found = new Map<string, SideMask>();
    let bytes = OVERHEAD;
    for (const { label_index, frame_index, area, mask } of masks) {
      const data = fromBase64(mask);
      found.set(`${label_index}:${frame_index}`, { data, area });
      bytes += data.length + OVERHEAD;
    }
    this.held.set(stretch, found, bytes);
    this.seen.add(stretch);
  }
}

let ids = 0;
const idOf = new WeakMap<Uint8Array, number>();

/** A number that tells encoded masks apart: one for each, 0 for none. */
export function identityOf(data: Uint8Array | undefined): number {
  if (!data) return 0;
  const known = idOf.get(data);
  if (known !== undefined) return known;
  ids += 1;
  idOf.set(data, ids);
  return ids;
}

/** The pixels of a side's masks, decoded within a limit of bytes. */
export class SidePixels {
  private readonly decoded = new ByteCache<number, MaskPixels>(DECODED_BYTES);

  of(mask: SideMask | undefined): MaskPixels | undefined {
    if (!mask || mask.area === 0) return undefined;
    const id = identityOf(mask.data);
    const known = this.decoded.get(id);
    if (known) return known;
    const pixels = decodeMask(mask.data);
    this.decoded.set(id, pixels, pixels.bits.length + OVERHEAD);
    return pixels;
  }
}
