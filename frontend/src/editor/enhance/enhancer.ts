/**
 * Views for angiography. They change what is drawn and nothing else: masks, prompts, measurements and the model know
 * the stored pixels only. A view has the type, size and grey range of the frame it is made from, so the cine's own
 * window fits it.
 */

import type { Editor } from "../editor";
import type { FramePixels } from "../frames";
import { align } from "./align";
import { PictureCache } from "./cache";
import { LocalContrast } from "./contrast";
import { bestPlaces, emptiestPlace, type LineMap, lineMap, scoresOf } from "./opacification";
import { type Idle, Pace } from "./pace";
import { project } from "./projection";
import { factorFor, shrink } from "./shrink";
import type { EnhanceMode, EnhanceState, Suggestion } from "./state";
import { type Grey, isLinear, LARGEST_SHIFT, logTable, meanOf, shiftedLog, subtract } from "./subtraction";

/** What of the editor the views need. */
export type EnhanceHost = Pick<Editor, "cine" | "frames" | "state" | "set" | "repaint" | "notify">;

const CACHE_BYTES = 64_000_000;
const AT_ONCE = 4;
const MOST_SCORED = 240;
const SUGGESTED = 6;
const THUMBNAIL_SIDE = 128;

export class Enhancer {
  private readonly grey: Grey;
  private readonly cache = new PictureCache(CACHE_BYTES);
  private readonly pace: Pace;
  private table: Float32Array | undefined;
  private equalizer: LocalContrast | undefined;
  /** The mean of the mask frames, and its logarithm where it is shifted to; each with what it was made for. */
  private mask: { key: string; mean: Float32Array } | undefined;
  private shifted: { key: string; log: Float32Array } | undefined;
  private projection: { key: string; pixels: FramePixels } | undefined;
  private preparing: AbortController | undefined;
  private suggesting: AbortController | undefined;
  private emptiest = 0;
  private suggestedBright: boolean | undefined;
  private windowBefore: [number, number] | undefined;

  constructor(
    private readonly host: EnhanceHost,
    private readonly idle: Idle,
  ) {
    const { window, bitsAllocated, intensityRelationship } = host.cine;
    const largest = bitsAllocated > 8 ? 65535 : 255;
    this.grey = { window, largest, isLinear: isLinear(intensityRelationship) };
    this.pace = new Pace(idle);
  }

  get isOffered(): boolean {
    const { modality, channels } = this.host.cine;
    return modality === "XA" && channels === 1;
  }

  private get state(): EnhanceState {
    return this.host.state.enhance;
  }

  private put(change: Partial<EnhanceState>): void {
    this.host.set({ enhance: { ...this.state, ...change } });
  }

  /** Change a view or turn one on; what it needs is loaded and computed first. */
  set(
    change: Partial<
      Pick<EnhanceState, "mode" | "maskFrame" | "maskCount" | "shift" | "clip" | "range" | "bright">
    >,
  ) {
    if (!this.isOffered) {
      this.host.notify("view_not_offered", "These views are for X-ray angiograms in grey values only.");
      return;
    }
    const before = this.state.mode;
    this.put(change);
    const { mode, maskFrame, maskCount } = this.state;
    if (maskFrame !== null || mode === "subtraction") {
      const last = Math.max(this.host.cine.frameCount - maskCount, 0);
      this.put({ maskFrame: Math.min(maskFrame ?? this.emptiest, last) });
    }
    if (mode !== before) this.changeWindow(before, mode);
    void this.prepare();
    this.host.repaint();
  }

  toggle(mode: EnhanceMode): void {
    this.set({ mode: this.state.mode === mode ? "none" : mode });
  }

  /** Move the mask by pixels to the right and down. */
  nudge(dx: number, dy: number): void {
    const moved = (at: number) => Math.min(Math.max(at, -LARGEST_SHIFT), LARGEST_SHIFT);
    const [x, y] = this.state.shift;
    this.set({ shift: [moved(x + dx), moved(y + dy)] });
  }

  /** A difference has a window of its own: the cine's, in the middle of which it lies. */
  private changeWindow(before: EnhanceMode, mode: EnhanceMode): void {
    if (mode === "subtraction") {
      this.windowBefore = this.host.state.window;
      this.host.set({ window: this.host.cine.window });
    } else if (before === "subtraction" && this.windowBefore) this.host.set({ window: this.windowBefore });
  }

  /** What to draw of a frame: the view that is on, or the stored pixels until it is ready. */
  pixels(frameIndex: number): FramePixels | undefined {
    const frame = this.host.frames.get(frameIndex);
    const { mode, progress, clip } = this.state;
    if (!frame || mode === "none" || progress < 1) return frame;
    if (mode === "minimum") return this.projection?.pixels ?? frame;
    if (mode === "contrast") {
      return this.cache.get(`contrast/${clip}/${frameIndex}`, () => {
        const { rows, columns } = this.host.cine;
        this.equalizer ??= new LocalContrast(rows, columns, this.grey);
        const result = frame.slice();
        this.equalizer.apply(frame, clip, result);
        return result;
      });
    }
    const mask = this.maskLog();
    return mask ? this.cache.get(`${mask.key}/${frameIndex}`, () => this.difference(frame, mask.log)) : frame;
  }

  private difference(frame: FramePixels, mask: Float32Array): FramePixels {
    this.table ??= logTable(this.grey);
    const result = frame.slice();
    subtract(frame, mask, this.table, this.grey, result);
    return result;
  }

  private maskLog(): { key: string; log: Float32Array } | undefined {
    if (!this.mask) return undefined;
    const { shift } = this.state;
    const key = `${this.mask.key}/${shift}`;
    if (this.shifted?.key !== key) {
      const { rows, columns } = this.host.cine;
      this.shifted = { key, log: shiftedLog(this.mask.mean, rows, columns, shift, this.grey) };
    }
    return this.shifted;
  }

  // --- what a view needs ----------------------------------------------------------------------------------------

  private async prepare(): Promise<void> {
    this.preparing?.abort();
    this.preparing = new AbortController();
    const { signal } = this.preparing;
    const { mode } = this.state;
    try {
      if (mode === "subtraction") await this.prepareMask(signal);
      else if (mode === "minimum") await this.prepareProjection(signal);
      if (signal.aborted) return;
      this.put({ progress: 1 });
      this.host.repaint();
    } catch (error) {
      if (!isAbort(error)) throw error;
    }
  }

  private async prepareMask(signal: AbortSignal): Promise<void> {
    const { maskFrame, maskCount } = this.state;
    const frames = this.between(maskFrame ?? 0, (maskFrame ?? 0) + maskCount - 1);
    const key = `subtraction/${frames[0]}/${frames.length}`;
    if (this.mask?.key === key) return;
    this.put({ progress: 0 });
    const pixels: FramePixels[] = [];
    await this.gather(frames, signal, (frame) => pixels.push(frame));
    this.mask = { key, mean: meanOf(pixels) };
  }

  private async prepareProjection(signal: AbortSignal): Promise<void> {
    const { range, bright } = this.state;
    const frames = this.between(...(range ?? [0, this.host.cine.frameCount - 1]));
    const key = `${frames[0]}/${frames.length}/${bright}`;
    if (this.projection?.key === key) return;
    this.put({ progress: 0 });
    let pixels: FramePixels | undefined;
    let done = 0;
    await this.gather(frames, signal, (frame) => {
      if (pixels) project(pixels, frame, bright);
      else pixels = frame.slice();
      done += 1;
      if (done % AT_ONCE === 0) this.put({ progress: Math.min(done / frames.length, 0.99) });
    });
    if (pixels) this.projection = { key, pixels };
  }

  private between(first: number, last: number): number[] {
    const end = Math.min(last, this.host.cine.frameCount - 1);
    return Array.from({ length: Math.max(end - first + 1, 1) }, (_, index) => first + index);
  }

  /** Have each of some frames taken, in any order, as they come and as there is time. */
  private async gather(
    frames: readonly number[],
    signal: AbortSignal,
    take: (pixels: FramePixels, place: number) => void,
  ): Promise<void> {
    const queue = frames.entries();
    const run = async () => {
      for (const [place, frame] of queue) {
        const pixels = await this.host.frames.need(frame, signal);
        await this.pace.turn();
        signal.throwIfAborted();
        take(pixels, place);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, run));
  }

  /** Shift the mask to where it is most like this frame. */
  async align(): Promise<void> {
    const { rows, columns } = this.host.cine;
    const frame = this.host.frames.get(this.host.state.frameIndex);
    const { mask } = this;
    if (!frame || !mask || this.state.mode !== "subtraction" || this.state.isAligning) return;
    this.put({ isAligning: true });
    const shift = await align(frame, mask.mean, rows, columns, this.grey, this.idle);
    this.put({ isAligning: false });
    if (this.mask === mask && this.state.mode === "subtraction") this.set({ shift });
  }

  // --- the best filled frames -----------------------------------------------------------------------------------

  /** Look for the frames that are filled best, once the cine is loaded and only while there is time. */
  async suggest(): Promise<void> {
    this.suggesting?.abort();
    const { bright, suggesting } = this.state;
    if (!this.isOffered || this.host.cine.frameCount < 3) return;
    if (suggesting === "done" && this.suggestedBright === bright) return;
    const looking = new AbortController();
    this.suggesting = looking;
    const { signal } = looking;
    this.put({ suggesting: "running", suggestProgress: 0 });
    try {
      await this.loaded(signal);
      const suggestions = await this.findBest(bright, signal);
      this.suggestedBright = bright;
      this.put({ suggestions, suggesting: "done", suggestProgress: 1 });
    } catch (error) {
      if (!isAbort(error)) throw error;
      // A search that another one replaced says nothing any more.
      if (this.suggesting === looking) this.put({ suggesting: "stopped" });
    }
  }

  stopSuggesting(): void {
    this.suggesting?.abort();
  }

  private async findBest(bright: boolean, signal: AbortSignal): Promise<Suggestion[]> {
    const { frameCount, rows, columns, window } = this.host.cine;
    const stride = Math.ceil(frameCount / MOST_SCORED);
    const frames = Array.from({ length: Math.ceil(frameCount / stride) }, (_, index) => index * stride);
    const maps: LineMap[] = [];
    let done = 0;
    await this.gather(frames, signal, (pixels, place) => {
      maps[place] = lineMap(pixels, rows, columns, Math.max(window[1] - window[0], 1), bright);
      done += 1;
      if (done % AT_ONCE === 0) this.put({ suggestProgress: done / frames.length });
    });
    const scores = scoresOf(maps);
    this.emptiest = (frames[emptiestPlace(scores)] as number) ?? 0;
    const best = bestPlaces(scores, SUGGESTED, Math.max(1, Math.round(frames.length / 32)));
    const factor = factorFor(rows, columns, THUMBNAIL_SIDE);
    const suggestions: Suggestion[] = [];
    for (const place of best) {
      const frameIndex = frames[place] as number;
      const pixels = await this.host.frames.need(frameIndex, signal);
      suggestions.push({
        frameIndex,
        score: scores[place] as number,
        picture: shrink(pixels, rows, columns, factor),
      });
    }
    return suggestions;
  }

  /** Wait until the loader has what the reader may want next: suggestions must not stand in its way. */
  private loaded(signal: AbortSignal): Promise<void> {
    const { frames } = this.host;
    return new Promise((resolve, reject) => {
      const check = () => {
        if (frames.loadedCount < frames.wantedCount) return;
        forget();
        resolve();
      };
      const forget = frames.onLoad(check);
      signal.addEventListener("abort", () => {
        forget();
        reject(signal.reason);
      });
      check();
    });
  }
}

function isAbort(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === "AbortError";
}
