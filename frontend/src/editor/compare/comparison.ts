/** What lies beside the reading in the second pane, and how far the two agree. */

import type { MaskPixels } from "../codec";
import type { Editor } from "../editor";
import { type Idle, Pace } from "../enhance/pace";
import { Refusal } from "../types";
import { Agreement, type Verdict } from "./agreement";
import { type ComparisonGateway, isComparison, nameOf, type OtherReading, type Second } from "./second";
import { identityOf, ModelSide, ReadingSide, type Side, SidePixels, STRETCH } from "./sides";

const RETRY_MS = 3000;

export class Comparison {
  private side: Side | null = null;
  private agreement: Agreement | null = null;
  private readonly pixelsOf = new SidePixels();
  private readonly pace: Pace;
  /** Frames whose agreement is to be looked at again. */
  private stale = new Uint8Array(0);
  private isSurveying = false;
  private isFetching = false;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly forget: () => void;

  constructor(
    private readonly editor: Editor,
    private readonly gateway: ComparisonGateway,
    /** Whether a model assists this reading. */
    readonly isAssisted: boolean,
    idle: Idle,
  ) {
    this.pace = new Pace(idle);
    this.forget = editor.store.subscribe((state, before) => {
      if (!this.side) return;
      if (state.masksVersion !== before.masksVersion) this.review();
      if (state.frameIndex !== before.frameIndex) void this.fetchAround();
    });
  }

  close(): void {
    this.forget();
    this.show(null);
  }

  /** Show something in the second pane, or nothing. */
  choose(second: Second | null): void {
    const { document, frames } = this.editor;
    const { frameCount } = this.editor.cine;
    frames.pinned = second?.of === "frame" ? second.frameIndex : null;
    if (second?.of === "model") this.show(new ModelSide(document, this.gateway, frameCount));
    else if (second?.of === "reading") this.show(new ReadingSide(second.id, this.gateway, frameCount));
    else this.show(null);
    this.editor.set({ second, secondFailure: "" });
    this.editor.repaint();
    if (second && this.editor.state.others === null) void this.lookForOthers();
    if (this.side) {
      this.review();
      void this.fetchAround();
    }
  }

  /** Keep the frame that is looked at in sight, or end that. */
  toggleFrame(): void {
    const { second, frameIndex } = this.editor.state;
    this.choose(second?.of === "frame" ? null : { of: "frame", frameIndex });
  }

  toggleModel(): void {
    this.choose(this.editor.state.second?.of === "model" ? null : { of: "model" });
  }

  /** Compare with the next of the other readings, and after the last one with none. */
  async nextReading(): Promise<void> {
    const others = await this.lookForOthers();
    if (!others) return;
    const { second } = this.editor.state;
    const at = second?.of === "reading" ? others.findIndex(({ id }) => id === second.id) : -1;
    const next = others[at + 1];
    if (next) this.choose({ of: "reading", id: next.id });
    else if (at >= 0) this.choose(null);
    else this.editor.notify("no_other_reading", "There is no other reading of this cine that you may see.");
  }

  /** What the chosen side is called. */
  get name(): string {
    const { second, others } = this.editor.state;
    if (second?.of === "model") return "Model";
    if (second?.of !== "reading") return "";
    const found = others?.find(({ id }) => id === second.id);
    return found ? nameOf(found) : "Another reading";
  }

  // --- the masks of the other side ------------------------------------------------------------------------------

  version(labelIndex: number, frameIndex: number): number {
    const mask = this.side?.mask(labelIndex, frameIndex);
    return mask && mask.area > 0 ? identityOf(mask.data) : 0;
  }

  pixels(labelIndex: number, frameIndex: number): MaskPixels | undefined {
    return this.pixelsOf.of(this.side?.mask(labelIndex, frameIndex));
  }

  /** Whether the question that the mask of the other side answers was taken back. */
  isUndone(labelIndex: number, frameIndex: number): boolean {
    return this.side?.mask(labelIndex, frameIndex)?.isUndone ?? false;
  }

  // --- how far both agree ---------------------------------------------------------------------------------------

  verdict(labelIndex: number, frameIndex: number): Verdict {
    return this.agreement?.measure(labelIndex, frameIndex) ?? { kind: "unknown" };
  }

  /** The same as far as it has been found out already. */
  last(labelIndex: number, frameIndex: number): Verdict {
    return this.agreement?.last(labelIndex, frameIndex) ?? { kind: "unknown" };
  }

  mean(labelIndex: number): { dice: number; frames: number } {
    return this.agreement?.mean(labelIndex, this.editor.cine.frameCount) ?? { dice: Number.NaN, frames: 0 };
  }

  private show(side: Side | null): void {
    clearTimeout(this.retry);
    this.side = side;
    this.agreement = side && new Agreement(this.editor.document, side);
    this.stale = new Uint8Array(side ? this.editor.cine.frameCount : 0);
  }

  /** Look which frames have changed on either side. */
  private review(): void {
    const { agreement, stale } = this;
    if (!agreement) return;
    for (let frame = 0; frame < stale.length; frame++) stale[frame] = agreement.isFresh(frame) ? 0 : 1;
    void this.survey();
  }

  /** Compare all frames in the background, the nearest first. */
  private async survey(): Promise<void> {
    if (this.isSurveying) return;
    this.isSurveying = true;
    try {
      while (this.side && this.agreement) {
        const { side, agreement } = this;
        const frame = this.nearestStale();
        if (frame === undefined) return;
        if (!side.isKnown(frame)) {
          this.touchNear(side);
          if (!(await this.fetch(side, frame))) return;
          // Where memory is scarce, the frames that are looked at may have been forgotten all the same.
          void this.fetchAround();
        }
        if (this.pace.turn()) {
          this.tell();
          await this.pace.turn();
        }
        if (side !== this.side) continue;
        for (const { index } of this.editor.labels) agreement.measure(index, frame);
        this.stale[frame] = 0;
      }
    } finally {
      this.isSurveying = false;
      this.tell();
    }
  }

  private nearestStale(): number | undefined {
    const { stale } = this;
    const { frameIndex } = this.editor.state;
    for (let by = 0; by < stale.length; by++) {
      if (stale[frameIndex + by]) return frameIndex + by;
      if (stale[frameIndex - by]) return frameIndex - by;
    }
    return undefined;
  }

  private tell(): void {
    this.editor.set({ agreementVersion: this.editor.state.agreementVersion + 1 });
  }

  // --- the server -----------------------------------------------------------------------------------------------

  /** Have the masks of the frames around the cursor at hand, wherever it goes meanwhile; one request at a time. */
  private async fetchAround(): Promise<void> {
    if (this.isFetching) return;
    this.isFetching = true;
    const tried = new Set<number>();
    try {
      while (this.side) {
        const frame = this.nearUnknown(this.side, tried);
        if (frame === undefined) return;
        tried.add(Math.floor(frame / STRETCH));
        if (!(await this.fetch(this.side, frame))) return;
      }
    } finally {
      this.isFetching = false;
    }
  }

  /** The frame that is looked at and one in each neighbouring stretch. */
  private get near(): number[] {
    const { frameIndex } = this.editor.state;
    const { frameCount } = this.editor.cine;
    const frames = [frameIndex, frameIndex + STRETCH, frameIndex - STRETCH];
    return frames.filter((frame) => frame >= 0 && frame < frameCount);
  }

  private nearUnknown(side: Side, tried: ReadonlySet<number>): number | undefined {
    return this.near.find((frame) => !tried.has(Math.floor(frame / STRETCH)) && !side.isKnown(frame));
  }

  /** What was used last is forgotten last: the frames in sight before those of the survey. */
  private touchNear(side: Side): void {
    for (const frame of this.near.reverse()) side.isKnown(frame);
  }

  /** Fetch what is to be known of a frame; returns whether that succeeded and still matters. */
  private async fetch(side: Side, frame: number): Promise<boolean> {
    try {
      await side.need(frame);
    } catch (error) {
      if (side === this.side) this.failed(error);
      return false;
    }
    if (side !== this.side) return true;
    if (this.editor.state.secondFailure) this.editor.set({ secondFailure: "" });
    this.review();
    this.editor.repaint();
    return true;
  }

  private failed(error: unknown): void {
    const isRefused = error instanceof Refusal;
    const why = isRefused ? error.message : "The server cannot be reached; trying again.";
    this.editor.set({ secondFailure: why });
    if (isRefused) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      this.review();
      void this.fetchAround();
    }, RETRY_MS);
  }

  /** Ask which other readings there are; the answer, or undefined when there is none. */
  async lookForOthers(): Promise<readonly OtherReading[] | undefined> {
    try {
      const others = await this.gateway.others();
      this.editor.set({ others });
      return others;
    } catch (error) {
      if (isComparison(this.editor.state.second)) return undefined;
      const text = error instanceof Refusal ? error.message : "The server could not be reached; try again.";
      this.editor.notify("others_not_loaded", text);
      return undefined;
    }
  }
}
