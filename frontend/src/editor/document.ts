/** A reading as this tab knows it: the masks, the prompts that stand, and the log they come of. */

import { ByteCache } from "./cache";
import { decodeMask, fromBase64, type MaskPixels, maskArea, type Provenance, readHeader } from "./codec";
import {
  type Appended,
  type Box,
  type EventBody,
  editsOf,
  type LabelInfo,
  type LoggedEvent,
  type MaskRow,
  type PromptPoint,
} from "./types";

export interface MaskEntry {
  labelIndex: number;
  frameIndex: number;
  provenance: Provenance;
  accepted: boolean;
  area: number;
  score: number | null;
  data: Uint8Array;
  /** Seq of the event that it comes of: 0 where all were undone, unknown for what this tab has just drawn. */
  eventSeq?: number | undefined;
  /** Grows with every change, so that what was drawn from an older one can be told. */
  version: number;
}

export interface StandingPrompts {
  points: PromptPoint[];
  box: Box | null;
}

/** An event of this tab that the server has not acknowledged yet. */
export interface PendingEvent {
  clientUuid: string;
  body: EventBody;
}

const DECODED_BYTES = 8_000_000;
const REVERSALS = new Set(["undo", "redo"]);

export class ReadingDocument {
  revision = 0;
  private readonly masks = new Map<string, MaskEntry>();
  private readonly decoded = new ByteCache<string, { version: number; pixels: MaskPixels }>(DECODED_BYTES);
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

  /** Whether somebody has said that the label is not on this frame: a mask without pixels stands there. */
  isCleared(labelIndex: number, frameIndex: number): boolean {
    return this.masks.get(this.key(labelIndex, frameIndex))?.area === 0;
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
    this.decoded.set(key, { version: entry.version, pixels }, pixels.bits.length + 200);
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
    // Every mask of the pair has been undone.
    if (row.event_seq === 0) {
      this.masks.delete(this.key(row.label_index, row.frame_index));
      return;
    }
    this.set({
      labelIndex: row.label_index,
      frameIndex: row.frame_index,
      provenance: row.provenance,
      accepted: row.accepted,
      area: row.area,
      score: row.score,
      data: fromBase64(row.mask),
      eventSeq: row.event_seq,
    });
  }

  /** Take in a binary mask message, of an event if it is known; returns the frame it is about. */
  setMessage(data: Uint8Array, eventSeq?: number): number {
    const header = readHeader(data);
    const { labelIndex, frameIndex, provenance, accepted } = header;
    const area = header.width * header.height === 0 ? 0 : maskArea(decodeMask(data));
    // Its score follows by itself (`setScore`); that of the mask before is not its own.
    this.set({ labelIndex, frameIndex, provenance, accepted, area, score: null, data, eventSeq });
    return frameIndex;
  }

  /** Take in the score of a mask, unless another event has replaced it meanwhile. */
  setScore(labelIndex: number, frameIndex: number, eventSeq: number, score: number | null): void {
    const entry = this.masks.get(this.key(labelIndex, frameIndex));
    if (entry?.eventSeq === eventSeq) entry.score = score;
  }

  /** Whether no propagation overwrites a label here: it was drawn, prompted (emptied too), or the frame is accepted. */
  isLocked(labelIndex: number, frameIndex: number): boolean {
    const entry = this.masks.get(this.key(labelIndex, frameIndex));
    const isOwn = entry && (entry.provenance === "HUMAN" || entry.provenance === "MODEL");
    return (isOwn && entry.eventSeq !== 0) || this.isAccepted(frameIndex);
  }

  isAccepted(frameIndex: number): boolean {
    return this.labels.some((label) => this.masks.get(this.key(label.index, frameIndex))?.accepted);
  }

  set(entry: Omit<MaskEntry, "version">): void {
    this.versions += 1;
    this.masks.set(this.key(entry.labelIndex, entry.frameIndex), { ...entry, version: this.versions });
  }

  accept(frameIndices: readonly number[], accepted: boolean): void {
    const wanted = new Set(frameIndices);
    for (const entry of this.masks.values()) if (wanted.has(entry.frameIndex)) entry.accepted = accepted;
  }

  eventBySeq(seq: number): LoggedEvent | undefined {
    return this.log.find((event) => event.seq === seq);
  }

  eventByClient(clientUuid: string): LoggedEvent | undefined {
    return this.log.find((event) => event.client_uuid === clientUuid);
  }

  /** The prompts that stand on a frame: later points add, a later box replaces, an edit retires them all. */
  prompts(labelCode: string, frameIndex: number, pending: readonly PendingEvent[]): StandingPrompts {
    const standing: StandingPrompts = { points: [], box: null };
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
      const touched = body.kind === "edit" ? editsOf(body.payload) : [body.payload];
      if (!touched.some((one) => one.label === labelCode && one.frame_index === frameIndex)) continue;
      if (body.kind === "edit") {
        standing.points = [];
        standing.box = null;
      } else {
        standing.points.push(...body.payload.points);
        standing.box = body.payload.box ?? standing.box;
      }
    }
    return standing;
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
