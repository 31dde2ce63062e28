/**
 * A reading as this tab knows it: its log, the events on their way, and what each event left on each frame.
 *
 * What shows is folded from these, so that undo and redo need no answer: the mask of (label, frame) is that of the
 * newest event that stands, as on the server (docs/adr/0031). Masks drawn by hand come with their events; those of
 * models come from the server and are kept by event.
 */

import { ByteCache } from "./cache";
import { decodeMask, fromBase64, type MaskPixels, maskArea, type Provenance, readHeader } from "./codec";
import {
  type Fold,
  foldSteps,
  promptsOf,
  redoTarget,
  type StandingPrompts,
  type Step,
  undoTarget,
} from "./fold";
import { movedMasks } from "./relabel";
import {
  type Appended,
  type EditPayload,
  type EventBody,
  editsOf,
  type LabelInfo,
  type LoggedEvent,
  type MaskRow,
  type RelabelPayload,
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

/** An event of this tab that the server has not acknowledged yet. */
export interface PendingEvent {
  clientUuid: string;
  body: EventBody;
  /** The revision that its maker had seen. */
  base: number;
}

const DECODED_BYTES = 8_000_000;

/** What the model said of a label on a frame last. */
export interface ModelAnswer {
  data: Uint8Array;
  area: number;
  /** Whether the event that asked is undone. */
  isUndone: boolean;
}

/** What one event left on one frame for one label. */
interface MaskRecord {
  event: string;
  provenance: Provenance;
  score: number | null;
  data: Uint8Array;
  area?: number;
}

/** A mask of an event that the log does not hold yet: shown as the server says until it does. */
interface StrayRecord extends MaskRecord {
  seq: number;
  accepted: boolean;
}

type Pair = { labelIndex: number; frameIndex: number };

export class ReadingDocument {
  private log: LoggedEvent[] = [];
  private logSteps: Step[] = [];
  /** Client UUIDs of the log's events by their ids. */
  private readonly clientOf = new Map<string, string>();
  private readonly known = new Set<string>();
  private pending: readonly PendingEvent[] = [];
  /** Relabellings of this tab, whose masks were made here until the server sends its own. */
  private readonly moved = new Set<string>();
  private fold: Fold = foldSteps([]);
  private readonly records = new Map<string, Pair & { byEvent: Map<string, MaskRecord> }>();
  private strays: { row: MaskRow; record: StrayRecord }[] = [];
  private readonly shown = new Map<string, MaskEntry>();
  private readonly decoded = new ByteCache<string, { version: number; pixels: MaskPixels }>(DECODED_BYTES);
  private versions = 0;

  constructor(readonly labels: readonly LabelInfo[]) {}

  /** The seq of the last event of which everything before is known too. */
  get revision(): number {
    return this.log.length;
  }

  private key(labelIndex: number, frameIndex: number): string {
    return `${labelIndex}:${frameIndex}`;
  }

  labelOf(code: string): LabelInfo | undefined {
    return this.labels.find((label) => label.code === code);
  }

  mask(labelIndex: number, frameIndex: number): MaskEntry | undefined {
    const entry = this.shown.get(this.key(labelIndex, frameIndex));
    return entry && entry.area > 0 ? entry : undefined;
  }

  /** What stands for a label on a frame, without pixels where somebody said that there is nothing. */
  entry(labelIndex: number, frameIndex: number): MaskEntry | undefined {
    return this.shown.get(this.key(labelIndex, frameIndex));
  }

  /**
   * The last answer of the model for a label on a frame, whatever lies over it: that of the newest event that stands,
   * or where all are undone, of the newest.
   */
  answer(labelIndex: number, frameIndex: number): ModelAnswer | undefined {
    const records = this.records.get(this.key(labelIndex, frameIndex));
    let newest: MaskRecord | undefined;
    let [place, isUndone] = [0, true];
    for (const record of records?.byEvent.values() ?? []) {
      if (!isAnswer(record)) continue;
      const at = this.fold.places.get(record.event) ?? 0;
      const undone = !this.fold.order.has(record.event);
      if (undone === isUndone ? at <= place : undone) continue;
      [newest, place, isUndone] = [record, at, undone];
    }
    if (!newest) return undefined;
    newest.area ??= areaOf(newest.data);
    return { data: newest.data, area: newest.area, isUndone };
  }

  /** Whether the model has answered anything that is known here. */
  get hasAnswers(): boolean {
    for (const { byEvent } of this.records.values())
      for (const record of byEvent.values()) if (isAnswer(record)) return true;
    return false;
  }

  /** Whether somebody has said that the label is not on this frame: a mask without pixels stands there. */
  isCleared(labelIndex: number, frameIndex: number): boolean {
    return this.shown.get(this.key(labelIndex, frameIndex))?.area === 0;
  }

  /** Every mask that is not empty. */
  *entries(): Generator<MaskEntry> {
    for (const entry of this.shown.values()) if (entry.area > 0) yield entry;
  }

  pixels(labelIndex: number, frameIndex: number): MaskPixels | undefined {
    const key = this.key(labelIndex, frameIndex);
    const entry = this.shown.get(key);
    if (!entry || entry.area === 0) return undefined;
    const known = this.decoded.get(key);
    if (known?.version === entry.version) return known.pixels;
    const pixels = decodeMask(entry.data);
    this.decoded.set(key, { version: entry.version, pixels }, pixels.bits.length + 200);
    return pixels;
  }

  /** Take in what the server holds: events that follow on the known ones, and the masks that count or are hidden. */
  merge(events: readonly LoggedEvent[], masks: readonly MaskRow[]): void {
    for (const event of events) this.addEvent(event);
    for (const row of masks) this.addRow(row);
    this.refold();
  }

  /** Replace everything by what the server holds. */
  reset(events: readonly LoggedEvent[], masks: readonly MaskRow[]): void {
    this.log = [];
    this.logSteps = [];
    this.clientOf.clear();
    this.known.clear();
    this.records.clear();
    this.moved.clear();
    this.strays = [];
    this.merge(events, masks);
  }

  /** Take in the answer to an event of this tab; what lies between it and the known log is still to be fetched. */
  append(answer: Appended): void {
    this.merge([answer.event], answer.masks);
  }

  /** Take in what is on its way; returns whether that is something new. */
  setPending(pending: readonly PendingEvent[]): boolean {
    const isSame =
      pending.length === this.pending.length && pending.every((event, at) => event === this.pending[at]);
    if (isSame) return false;
    pending.forEach(({ clientUuid, body }, at) => {
      if (body.kind === "edit") this.addEdit(clientUuid, body.payload);
      if (body.kind !== "relabel" || this.moved.has(clientUuid)) return;
      // It moves what stands before it.
      this.pending = pending.slice(0, at);
      this.refold();
      this.addRelabel(clientUuid, body.payload);
    });
    this.pending = [...pending];
    this.refold();
    return true;
  }

  /** Take in a mask that a job sends, of the event with this client UUID. */
  setMessage(data: Uint8Array, event: string): void {
    const { labelIndex, frameIndex, provenance } = readHeader(data);
    this.addRecord({ labelIndex, frameIndex }, { event, provenance, score: null, data });
    this.show(this.key(labelIndex, frameIndex));
  }

  /** Take in the score of a mask that an event has brought. */
  setScore(labelIndex: number, frameIndex: number, eventSeq: number, score: number | null): void {
    const key = this.key(labelIndex, frameIndex);
    const record = this.records.get(key)?.byEvent.get(this.eventBySeq(eventSeq)?.client_uuid ?? "");
    if (!record) return;
    record.score = score;
    this.show(key);
  }

  /** Whether no propagation overwrites a label here: it was drawn, prompted (emptied too), or the frame is accepted. */
  isLocked(labelIndex: number, frameIndex: number): boolean {
    const provenance = this.shown.get(this.key(labelIndex, frameIndex))?.provenance;
    return provenance === "HUMAN" || provenance === "MODEL" || this.isAccepted(frameIndex);
  }

  isAccepted(frameIndex: number): boolean {
    return this.labels.some((label) => this.shown.get(this.key(label.index, frameIndex))?.accepted);
  }

  eventBySeq(seq: number): LoggedEvent | undefined {
    const event = this.log[seq - 1];
    return event && { ...event, undone: !this.fold.order.has(event.client_uuid) };
  }

  /** Whether the log holds an event. */
  knows(clientUuid: string): boolean {
    return this.known.has(clientUuid);
  }

  prompts(labelCode: string, frameIndex: number): StandingPrompts {
    return promptsOf(this.fold, labelCode, frameIndex);
  }

  /** Name of the window through which a model was asked to look last. */
  lastWindow(): string | null {
    const asked = this.log.findLast((event) => event.kind === "prompt" || event.kind === "propagate");
    return typeof asked?.payload.window === "string" ? asked.payload.window : null;
  }

  undoTarget(): Step | undefined {
    return undoTarget(this.fold);
  }

  redoTarget(): Step | undefined {
    return redoTarget(this.fold);
  }

  /** The standing drawings and prompts after a revision, other than those named. */
  changesSince(revision: number, except: ReadonlySet<string>): LoggedEvent[] {
    return this.log
      .slice(revision)
      .filter(
        (event) =>
          (event.kind === "edit" || event.kind === "relabel" || event.kind === "prompt") &&
          this.fold.order.has(event.client_uuid) &&
          !except.has(event.client_uuid),
      );
  }

  private addEvent(event: LoggedEvent): void {
    if (event.seq !== this.log.length + 1) return;
    const { id, client_uuid: clientUuid, kind, payload } = event;
    this.log.push(event);
    this.clientOf.set(id, clientUuid);
    this.known.add(clientUuid);
    this.logSteps.push({ clientUuid, kind, payload, target: this.clientOf.get(event.target ?? "") ?? null });
    if (event.kind === "edit") this.addEdit(event.client_uuid, event.payload as EditPayload);
  }

  private addEdit(event: string, payload: EditPayload): void {
    const provenance = "provenance" in payload ? payload.provenance : "HUMAN";
    for (const { label: code, frame_index: frameIndex, mask } of editsOf(payload)) {
      const label = this.labelOf(code);
      if (!label || !mask) continue;
      const pair = { labelIndex: label.index, frameIndex };
      if (this.recordsOf(pair).byEvent.has(event)) continue;
      this.addRecord(pair, { event, provenance, score: null, data: fromBase64(mask) });
    }
  }

  private addRelabel(event: string, payload: RelabelPayload): void {
    this.moved.add(event);
    const [giver, taker] = [this.labelOf(payload.label), this.labelOf(payload.to)];
    if (!giver || !taker) return;
    for (const frameIndex of payload.frame_indices) {
      const given = this.mask(giver.index, frameIndex);
      if (!given) continue;
      const { left, taken } = movedMasks(given, this.mask(taker.index, frameIndex));
      for (const [label, { provenance, score, data }] of [[giver, left] as const, [taker, taken] as const])
        this.addRecord({ labelIndex: label.index, frameIndex }, { event, provenance, score, data });
    }
  }

  private addRow(row: MaskRow): void {
    // Every mask of the pair has been undone.
    if (row.event_seq === 0) {
      this.strays = this.strays.filter(
        (stray) => stray.row.label_index !== row.label_index || stray.row.frame_index !== row.frame_index,
      );
      return;
    }
    const event = this.log[row.event_seq - 1]?.client_uuid;
    const { provenance, score, area, accepted } = row;
    const record = { provenance, score, area, data: fromBase64(row.mask) };
    const pair = { labelIndex: row.label_index, frameIndex: row.frame_index };
    if (event) this.addRecord(pair, { ...record, event });
    else {
      this.recordsOf(pair);
      this.strays.push({ row, record: { ...record, event: "", seq: row.event_seq, accepted } });
    }
  }

  private recordsOf(pair: Pair) {
    const key = this.key(pair.labelIndex, pair.frameIndex);
    const known = this.records.get(key);
    if (known) return known;
    const made = { ...pair, byEvent: new Map<string, MaskRecord>() };
    this.records.set(key, made);
    return made;
  }

  private addRecord(pair: Pair, record: MaskRecord): void {
    const { byEvent } = this.recordsOf(pair);
    const known = byEvent.get(record.event);
    // A message of a job carries no score; the row that tells it may have come before.
    const score = record.score ?? known?.score ?? null;
    const isSame = known !== undefined && hasSamePixels(known.data, record.data);
    byEvent.set(
      record.event,
      isSame ? { ...known, provenance: record.provenance, score } : { ...record, score },
    );
  }

  private refold(): void {
    const steps = [...this.logSteps];
    for (const { clientUuid, body } of this.pending) {
      if (this.known.has(clientUuid)) continue;
      const payload = body.payload as { target?: string; target_client?: string };
      // An earlier version of this program named the target by its id.
      const target = payload.target_client ?? this.clientOf.get(payload.target ?? "") ?? null;
      steps.push({ clientUuid, kind: body.kind, payload: { ...body.payload }, target });
    }
    this.fold = foldSteps(steps);
    const late = this.strays;
    this.strays = [];
    for (const { row } of late) this.addRow(row);
    for (const key of this.records.keys()) this.show(key);
  }

  /** Put the mask of the newest standing event on show. */
  private show(key: string): void {
    const records = this.records.get(key);
    if (!records) return;
    const { labelIndex, frameIndex, byEvent } = records;
    let newest: MaskRecord | undefined;
    let place = 0;
    for (const record of byEvent.values()) {
      const order = this.fold.order.get(record.event) ?? 0;
      if (order > place) [newest, place] = [record, order];
    }
    let eventSeq = place > 0 && place <= this.log.length ? place : undefined;
    let accepted = this.fold.accepted.has(frameIndex);
    for (const { row, record } of this.strays) {
      // What this tab has not sent yet is going to come after it.
      if (
        this.key(row.label_index, row.frame_index) !== key ||
        record.seq < place ||
        place > this.log.length
      ) {
        continue;
      }
      [newest, place, accepted] = [record, record.seq, record.accepted];
      eventSeq = record.seq;
    }
    const before = this.shown.get(key);
    if (!newest) {
      this.shown.delete(key);
      return;
    }
    if (
      before?.data === newest.data &&
      before.accepted === accepted &&
      before.score === newest.score &&
      before.eventSeq === eventSeq
    )
      return;
    newest.area ??= areaOf(newest.data);
    this.versions += 1;
    const { provenance, area, score, data } = newest;
    const version = this.versions;
    this.shown.set(key, {
      labelIndex,
      frameIndex,
      provenance,
      accepted,
      area,
      score,
      data,
      version,
      eventSeq,
    });
  }
}

/** Interpolation is arithmetic between masks of the reader's, no answer of a model. */
function isAnswer({ provenance }: MaskRecord): boolean {
  return provenance === "MODEL" || provenance === "PROPAGATED";
}

/** Whether two encoded masks are equal but for what their headers say about label, frame and sender. */
function hasSamePixels(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let place = 8; place < a.length; place++) {
    if ((place < 20 || place >= 32) && a[place] !== b[place]) return false;
  }
  return true;
}

function areaOf(data: Uint8Array): number {
  const { width, height } = readHeader(data);
  return width * height === 0 ? 0 : maskArea(decodeMask(data));
}
