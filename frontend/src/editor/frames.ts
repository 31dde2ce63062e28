/** Load frames as exact pixels: the current one first, then outward, a few at a time, within a limit of bytes. */

import type { CineInfo } from "./types";

export type FramePixels = Uint8Array | Uint16Array;

const IN_FLIGHT = 4;
const RETRY_MS = 2000;
/** A cine within this limit is kept whole: 100 frames of 1024 x 1024 at 16 bit. */
const DEFAULT_LIMIT = 212_000_000;
/** Of a longer one, which is fetched anew in any case when it is played around, this much about the cursor. */
const WINDOW_LIMIT = 150_000_000;

interface Need {
  resolve(pixels: FramePixels): void;
  reject(reason: unknown): void;
}

export class FrameLoader {
  private readonly frames = new Map<number, FramePixels>();
  private readonly pending = new Map<number, AbortController>();
  private readonly listeners = new Set<(frameIndex: number) => void>();
  private readonly needed = new Map<number, Need[]>();
  private centre = 0;
  private isPlaying = false;
  /** A frame that stays in memory wherever the cursor is. */
  pinned: number | null = null;
  private isClosed = false;
  readonly keep: number;
  private readonly frameBytes: number;

  constructor(
    private readonly cine: CineInfo,
    private readonly fetchFrame: (frameNumber: number, signal: AbortSignal) => Promise<ArrayBuffer>,
    limitBytes = DEFAULT_LIMIT,
  ) {
    this.frameBytes = cine.rows * cine.columns * cine.channels * (cine.bitsAllocated > 8 ? 2 : 1);
    const isWhole = cine.frameCount * this.frameBytes <= limitBytes;
    const limit = isWhole ? limitBytes : Math.min(limitBytes, WINDOW_LIMIT);
    this.keep = Math.max(8, Math.floor(limit / this.frameBytes));
  }

  get(frameIndex: number): FramePixels | undefined {
    return this.frames.get(frameIndex);
  }

  get loadedCount(): number {
    return this.frames.size;
  }

  get wantedCount(): number {
    return Math.min(this.keep, this.cine.frameCount);
  }

  onLoad(listener: (frameIndex: number) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Say which frame is looked at: what is near it is loaded first, or while it plays, what comes next. */
  moveTo(frameIndex: number, playing = false): void {
    this.centre = frameIndex;
    this.isPlaying = playing;
    this.fill();
  }

  /** The pixels of any frame, also of one that is too far from the cursor to be kept. */
  need(frameIndex: number, signal?: AbortSignal): Promise<FramePixels> {
    const there = this.frames.get(frameIndex);
    if (there) return Promise.resolve(there);
    return new Promise((resolve, reject) => {
      if (this.isClosed || signal?.aborted) return reject(ended());
      const leave = () => {
        const others = (this.needed.get(frameIndex) ?? []).filter((other) => other !== need);
        if (others.length) this.needed.set(frameIndex, others);
        else this.needed.delete(frameIndex);
        reject(ended());
      };
      const need: Need = {
        resolve: (pixels) => {
          signal?.removeEventListener("abort", leave);
          resolve(pixels);
        },
        reject,
      };
      signal?.addEventListener("abort", leave);
      this.needed.set(frameIndex, [...(this.needed.get(frameIndex) ?? []), need]);
      this.fill();
    });
  }

  private meet(frameIndex: number, pixels: FramePixels): void {
    for (const need of this.needed.get(frameIndex) ?? []) need.resolve(pixels);
    this.needed.delete(frameIndex);
  }

  close(): void {
    this.isClosed = true;
    for (const need of [...this.needed.values()].flat()) need.reject(ended());
    this.needed.clear();
    for (const controller of this.pending.values()) controller.abort();
    this.pending.clear();
    this.frames.clear();
  }

  /**
   * The frames that belong in memory now, most wanted first, as many as the limit allows: those nearest to the cursor,
   * or while the cine plays four that come next, around the end too, for one that has gone by.
   */
  private *wanted(): Generator<number> {
    const { frameCount } = this.cine;
    let left = this.wantedCount;
    if (this.pinned !== null) {
      left--;
      yield this.pinned;
    }
    let [ahead, behind] = [0, 0];
    for (let turn = 0; left > 0 && ahead + behind < 2 * frameCount; turn++) {
      const isAhead = this.isPlaying ? turn % 5 > 0 : turn % 2 === 1;
      let frame = this.centre + (isAhead ? ++ahead : -behind++);
      if (this.isPlaying) frame = (frame + 5 * frameCount) % frameCount;
      if (frame < 0 || frame >= frameCount || frame === this.pinned) continue;
      left--;
      yield frame;
    }
  }

  /** The frame to load next, or undefined when all that is wanted is there or on its way. */
  private next(): number | undefined {
    for (const frame of [this.centre, ...this.needed.keys(), ...this.wanted()]) {
      if (!this.frames.has(frame) && !this.pending.has(frame)) return frame;
    }
    return undefined;
  }

  private fill(): void {
    while (!this.isClosed && this.pending.size < IN_FLIGHT) {
      const frame = this.next();
      if (frame === undefined) return;
      void this.load(frame);
    }
  }

  private async load(frame: number): Promise<void> {
    const controller = new AbortController();
    this.pending.set(frame, controller);
    try {
      const buffer = await this.fetchFrame(frame + 1, controller.signal);
      if (this.isClosed) return;
      const pixels = this.pixelsOf(buffer);
      this.frames.set(frame, pixels);
      this.meet(frame, pixels);
      this.drop();
      this.pending.delete(frame);
      for (const listener of this.listeners) listener(frame);
      this.fill();
    } catch {
      if (this.isClosed) return;
      // Each frame waits by itself: of several that failed, one timer for all would bring back the last alone.
      setTimeout(() => {
        this.pending.delete(frame);
        this.fill();
      }, RETRY_MS);
    }
  }

  private pixelsOf(buffer: ArrayBuffer): FramePixels {
    if (buffer.byteLength !== this.frameBytes) throw new Error("The frame is cut off.");
    return this.cine.bitsAllocated > 8 ? new Uint16Array(buffer) : new Uint8Array(buffer);
  }

  /** Forget the farthest frames beyond the limit, but none that is wanted: it would be loaded again at once. */
  private drop(): void {
    if (this.frames.size <= this.keep) return;
    const wanted = new Set(this.wanted());
    const others = [...this.frames.keys()].filter((frame) => !wanted.has(frame));
    others.sort((a, b) => Math.abs(b - this.centre) - Math.abs(a - this.centre));
    for (const frame of others.slice(0, this.frames.size - this.keep)) this.frames.delete(frame);
  }
}

function ended(): DOMException {
  return new DOMException("Nobody waits for this frame any more.", "AbortError");
}
