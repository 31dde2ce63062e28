/** A reading as this tab knows it: the masks, the prompts that stand, and the log they come of. */

import { decodeMask, fromBase64, type MaskPixels, maskArea, type Provenance, readHeader } from "./codec";
import type { Appended, Box, EventBody, LabelInfo, Line, LoggedEvent, MaskRow, PromptPoint } from "./types";

export interface MaskEntry {
  labelIndex: number;
  frameIndex: number;
  provenance: Provenance;
  accepted: boolean;
  area: number;
  score: number | null;
  data: Uint8Array;
  /** Grows with every change, so that what was drawn from an older one can be told. */
  version: number;
}

export interface StandingPrompts {
  points: PromptPoint[];
  box: Box | null;
  line: Line | null;
}

/** An event of this tab that the server has not acknowledged yet. */
export interface PendingEvent {
  clientUuid: string;
  body: EventBody;
}

const REVERSALS = new Set(["undo", "redo"]);

export class ReadingDocument {
  revision = 0;
  private readonly masks = new Map<string, MaskEntry>();
  private readonly decoded = new Map<string, { version: number; pixels: MaskPixels }>();
  private log: LoggedEvent[] = [];
  private versions = 0;

  constructor(readonly labels: readonly LabelInfo[]) {}

  private key(labelIndex: number, frameIndex: number): string {
    return `${labelIndex}:${frameIndex}`;
  }

  labelOf(code: string): LabelInfo | undefined {
    return this.labels.find((label) => label.code === code);
  }

  mask(labelIndex: number, frameIndex: number): MaskEntry | undefined {
    const entry = this.masks.get(this.key(labelIndex, frameIndex));
    return entry && entry.area > 0 ? entry : undefined;
  }

  /** Every mask that is not empty. */
  *entries(): Generator<MaskEntry> {
    for (const entry of this.masks.values()) if (entry.area > 0) yield entry;
  }

  pixels(labelIndex: number, frameIndex: number): MaskPixels | undefined {
    const key = this.key(labelIndex, frameIndex);
    const entry = this.masks.get(key);
    if (!entry || entry.area === 0) return undefined;
    const known = this.decoded.get(key);
    if (known?.version === entry.version) return known.pixels;
    const pixels = decodeMask(entry.data);
    this.decoded.set(key, { version: entry.version, pixels });
    return pixels;
  }

  /** Replace everything by what the server holds. */
  reset(revision: number, masks: readonly MaskRow[], log: readonly LoggedEvent[]): void {
    this.masks.clear();
    this.decoded.clear();
    this.log = [...log];
    this.revision = revision;
    for (const row of masks) this.setRow(row);
  }

  /** Take in the answer to an event of this tab. */
  append(answer: Appended): void {
    this.revision = Math.max(this.revision, answer.revision);
    if (!this.log.some((event) => event.id === answer.event.id)) {
      this.log.push(answer.event);
      this.log.sort((a, b) => a.seq - b.seq);
    }
    if (answer.event.target) {
      const target = this.log.find((event) => event.id === answer.event.target);
      if (target) target.undone = answer.event.kind === "undo";
    }
    for (const row of answer.masks) this.setRow(row);
  }

  setRow(row: MaskRow): void {
    this.set({
      labelIndex: row.label_index,
      frameIndex: row.frame_index,
      provenance: row.provenance,
      accepted: row.accepted,
      area: row.area,
      score: row.score,
      data: fromBase64(row.mask),
    });
  }

  /** Take in a binary mask message; returns the frame it is about. */
  setMessage(data: Uint8Array): number {
    const header = readHeader(data);
    const { labelIndex, frameIndex, provenance, accepted } = header;
    const area = header.width * header.height === 0 ? 0 : maskArea(decodeMask(data));
    const score = this.masks.get(this.key(labelIndex, frameIndex))?.score ?? null;
    this.set({ labelIndex, frameIndex, provenance, accepted, area, score, data });
    return frameIndex;
  }

  set(entry: Omit<MaskEntry, "version">): void {
    this.versions += 1;
    this.masks.set(this.key(entry.labelIndex, entry.frameIndex), { ...entry, version: this.versions });
  }

  accept(frameIndices: readonly number[], accepted: boolean): void {
    const wanted = new Set(frameIndices);
    for (const entry of this.masks.values()) if (wanted.has(entry.frameIndex)) entry.accepted = accepted;
  }

  eventByClient(clientUuid: string): LoggedEvent | undefined {
    return this.log.find((event) => event.client_uuid === clientUuid);
  }

  /** The prompts that stand on a frame: later points add, a later box or line replaces, an edit retires them all. */
  prompts(labelCode: string, frameIndex: number, pending: readonly PendingEvent[]): StandingPrompts {
    const standing: StandingPrompts = { points: [], box: null, line: null };
    const undone = new Set(this.log.filter((event) => event.undone).map((event) => event.id));
    for (const { body } of pending) {
      if (body.kind === "undo") undone.add(body.payload.target);
      if (body.kind === "redo") undone.delete(body.payload.target);
    }
    const bodies = this.log
      .filter((event) => !undone.has(event.id) && !REVERSALS.has(event.kind))
      .map((event) => ({ kind: event.kind, payload: event.payload }) as EventBody);
    for (const body of [...bodies, ...pending.map((event) => event.body)]) {
      if (body.kind !== "prompt" && body.kind !== "edit") continue;
      if (body.payload.label !== labelCode || body.payload.frame_index !== frameIndex) continue;
      if (body.kind === "edit" || body.payload.text) {
        standing.points = [];
        standing.box = null;
        standing.line = null;
      } else {
        standing.points.push(...body.payload.points);
        const { box, line } = body.payload;
        if (box || line) [standing.box, standing.line] = [box, line ?? null];
      }
    }
    return standing;
  }

  /** The window that the model looked through last, null for the cine's own. */
  lastWindow(): string | null {
    const asked = this.log.filter((event) => event.kind === "prompt" || event.kind === "propagate").at(-1);
    return typeof asked?.payload.window === "string" ? asked.payload.window : null;
  }

  /** The event that Ctrl+Z takes back: the newest one that stands. */
  undoTarget(): LoggedEvent | undefined {
    return this.log.filter((event) => !REVERSALS.has(event.kind) && !event.undone).at(-1);
  }

  /** The event that Ctrl+Y brings back: what was undone last, unless something new was done since. */
  redoTarget(): LoggedEvent | undefined {
    const stack: string[] = [];
    for (const event of this.log) {
      if (event.kind === "undo" && event.target) stack.push(event.target);
      else if (event.kind === "redo") {
        const place = stack.lastIndexOf(event.target ?? "");
        if (place >= 0) stack.splice(place, 1);
      } else stack.length = 0;
    }
    const target = stack.at(-1);
    return this.log.find((event) => event.id === target && event.undone);
  }
}
