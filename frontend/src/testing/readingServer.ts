/** A reading on a server of a few lines, folded in the most naive way: by playing its log again for each question. */

import { encodeMask, fromBase64, toBase64 } from "../editor/codec";
import { movedMasks, type Origin } from "../editor/relabel";
import {
  type Appended,
  type EventBody,
  type Gateway,
  type JobInfo,
  type LabelInfo,
  type LoggedEvent,
  type MaskRow,
  Refusal,
  type RelabelPayload,
  type WriterInfo,
} from "../editor/types";

export const LABELS: LabelInfo[] = [
  { code: "coronary_artery", name: "Coronary artery", colour: "#ff0000", index: 1 },
  { code: "catheter", name: "Catheter", colour: "#00ff00", index: 2 },
];
export const SIDE = 8;

export type Sent = EventBody & { client_uuid: string; base_revision: number; writer: string };

/** A mask of a few pixels, as an edit carries it. */
export function maskOf(...pixels: number[]): string {
  const bitmap = new Uint8Array(SIDE * SIDE);
  for (const pixel of pixels) bitmap[pixel] = 1;
  return toBase64(encodeMask(bitmap, SIDE, SIDE));
}

export class ReadingServer {
  readonly log: LoggedEvent[] = [];
  readonly sent: Sent[] = [];
  writer: WriterInfo | null = null;
  status = "DRAFT";
  jobs: JobInfo[] = [];
  /** Called before and after each request; what it throws is what the tab sees. */
  onRequest: (moment: "before" | "after", what: string) => void | Promise<void> = () => undefined;
  private readonly results = new Map<string, MaskRow[]>();

  /** Record what a model computed for an event. */
  answer(clientUuid: string, labelIndex: number, frameIndex: number, mask: string): void {
    const event = this.event(clientUuid);
    const row = this.row(
      event,
      labelIndex,
      frameIndex,
      mask,
      event.kind === "prompt" ? "MODEL" : "PROPAGATED",
    );
    const others = (this.results.get(clientUuid) ?? []).filter(
      (one) => one.label_index !== labelIndex || one.frame_index !== frameIndex,
    );
    this.results.set(clientUuid, [...others, row]);
  }

  /** What a model computed for an event. */
  answerOf(clientUuid: string, labelIndex: number, frameIndex: number): MaskRow | undefined {
    return this.results
      .get(clientUuid)
      ?.find((row) => row.label_index === labelIndex && row.frame_index === frameIndex);
  }

  event(clientUuid: string): LoggedEvent {
    const found = this.log.find((event) => event.client_uuid === clientUuid);
    if (!found) throw new Error(`there is no event ${clientUuid}`);
    return found;
  }

  /** Client UUIDs of the events that are undone. */
  undone(): Set<string> {
    const undone = new Set<string>();
    for (const event of this.log) {
      const target = this.log.find((other) => other.id === event.target)?.client_uuid;
      if (target && event.kind === "undo") undone.add(target);
      if (target && event.kind === "redo") undone.delete(target);
    }
    return undone;
  }

  accepted(): Set<number> {
    const frames = new Set<number>();
    const undone = this.undone();
    for (const event of this.log) {
      if (event.kind !== "accept" || undone.has(event.client_uuid)) continue;
      for (const frame of event.payload.frame_indices as number[]) {
        if (event.payload.accepted) frames.add(frame);
        else frames.delete(frame);
      }
    }
    return frames;
  }

  masks(): MaskRow[] {
    const undone = this.undone();
    const accepted = this.accepted();
    const current = new Map<string, MaskRow>();
    for (const event of this.log) {
      if (undone.has(event.client_uuid)) continue;
      for (const row of this.rowsOf(event)) current.set(`${row.label_index}:${row.frame_index}`, row);
    }
    return [...current.values()].map((row) => ({ ...row, accepted: accepted.has(row.frame_index) }));
  }

  gateway(): Gateway {
    const asked = async <T>(what: string, work: () => T): Promise<T> => {
      await this.onRequest("before", what);
      const answer = work();
      await this.onRequest("after", what);
      return answer;
    };
    return {
      appendEvent: (body) => asked("append", () => this.append(body)),
      events: (since) => asked("events", () => this.log.slice(since)),
      masks: () => asked("masks", () => ({ revision: this.log.length, masks: this.masks() })),
      hiddenMasks: () =>
        asked("hidden", () => {
          const shown = new Set(
            this.masks().map((row) => `${row.event_seq}:${row.label_index}:${row.frame_index}`),
          );
          return [...this.results.values()]
            .flat()
            .filter((row) => !shown.has(`${row.event_seq}:${row.label_index}:${row.frame_index}`));
        }),
      claimWriter: (token, take) =>
        asked("claim", () => {
          if (take || !this.writer)
            this.writer = { token, device: `device of ${token}`, since: "2025-01-01T00:00:00Z" };
          return { writer: this.writer, yours: this.writer.token === token };
        }),
      releaseWriter: (token) =>
        asked("release", () => {
          if (this.writer?.token === token) this.writer = null;
        }),
      jobs: () => asked("jobs", () => this.jobs),
      cancelJob: async () => undefined,
      frame: async () => new ArrayBuffer(SIDE * SIDE),
      socketUrl: () => "ws://test/",
    };
  }

  private append(body: Sent): Appended {
    this.sent.push(body);
    const known = this.log.find((event) => event.client_uuid === body.client_uuid);
    if (known) return this.appended(known);
    if (this.status !== "DRAFT") throw new Refusal("reading_not_editable", "The reading is submitted.", 409);
    if (this.writer && this.writer.token !== body.writer) {
      throw new Refusal("not_the_writer", "Another tab writes.", 409, { writer: this.writer });
    }
    if (body.base_revision !== this.log.length) throw new Refusal("stale_revision", "Load it again.", 409);
    const seq = this.log.length + 1;
    let target: string | null = null;
    if (body.kind === "undo" || body.kind === "redo") {
      const aim = this.log.find((event) => event.client_uuid === body.payload.target_client);
      if (!aim) throw new Refusal("unknown_event", "The reading has no such event.", 400);
      if (this.undone().has(aim.client_uuid) === (body.kind === "undo")) {
        throw new Refusal(
          body.kind === "undo" ? "already_undone" : "not_undone",
          "It stands otherwise.",
          409,
        );
      }
      target = aim.id;
    }
    const event: LoggedEvent = {
      id: `e${seq}`,
      seq,
      client_uuid: body.client_uuid,
      kind: body.kind,
      payload: target ? { target } : { ...body.payload },
      target,
      undone: false,
    };
    if (body.kind === "relabel") this.results.set(event.client_uuid, this.moved(event, body.payload));
    this.log.push(event);
    return this.appended(event);
  }

  private appended(event: LoggedEvent): Appended {
    const about = this.log.find((other) => other.id === event.target) ?? event;
    const touched = new Set(this.rowsOf(about).map((row) => `${row.label_index}:${row.frame_index}`));
    const masks = this.masks().filter((row) => touched.has(`${row.label_index}:${row.frame_index}`));
    return { event, revision: event.seq, masks, job: null };
  }

  private moved(event: LoggedEvent, { label, to, frame_indices }: RelabelPayload): MaskRow[] {
    const current = this.masks();
    const originOf = (code: string, frame: number): Origin | undefined => {
      const row = current.find((one) => one.label === code && one.frame_index === frame);
      return row && row.area > 0 ? { ...row, data: fromBase64(row.mask) } : undefined;
    };
    return frame_indices.flatMap((frame) => {
      const given = originOf(label, frame);
      if (!given) throw new Refusal("no_mask_to_relabel", `There is no mask on frame ${frame + 1}.`, 409);
      const { left, taken } = movedMasks(given, originOf(to, frame));
      return [[label, left] as const, [to, taken] as const].map(([code, { data, provenance, score }]) => {
        const index = LABELS.find((known) => known.code === code)?.index ?? 0;
        return { ...this.row(event, index, frame, toBase64(data), provenance), score };
      });
    });
  }

  private rowsOf(event: LoggedEvent): MaskRow[] {
    if (event.kind !== "edit") return this.results.get(event.client_uuid) ?? [];
    const label = LABELS.find((known) => known.code === event.payload.label);
    const [frame, mask] = [Number(event.payload.frame_index), String(event.payload.mask)];
    return [this.row(event, label?.index ?? 0, frame, mask, "HUMAN")];
  }

  private row(
    event: LoggedEvent,
    labelIndex: number,
    frameIndex: number,
    mask: string,
    provenance: MaskRow["provenance"],
  ): MaskRow {
    return {
      label: LABELS.find((label) => label.index === labelIndex)?.code ?? "",
      label_index: labelIndex,
      frame_index: frameIndex,
      provenance,
      accepted: false,
      area: atob(mask).length > 32 ? 1 : 0,
      score: provenance === "HUMAN" ? null : 0.5,
      event_seq: event.seq,
      mask,
    };
  }
}

/** Numbers between 0 and 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 0x100000000;
  };
}
