import { beforeEach, describe, expect, it } from "vitest";
import { encodeMask, toBase64 } from "./codec";
import { ReadingDocument } from "./document";
import {
  framesBrought,
  payloadOf,
  planOf,
  redoPlan,
  resumePayload,
  runsOf,
  type Scene,
  spanBetween,
  statusText,
} from "./propagation";
import type { JobInfo, LoggedEvent } from "./types";

const COUNT = 30;
const LABELS = [
  { code: "artery", name: "Artery", colour: "#ff0000", index: 1 },
  { code: "catheter", name: "Catheter", colour: "#00ff00", index: 2 },
];
const DATA = encodeMask(new Uint8Array(16).fill(1), 4, 4);

let scene: Scene & { state: Scene["state"] };

beforeEach(() => {
  scene = {
    document: new ReadingDocument(LABELS),
    labels: LABELS,
    state: { frameIndex: 10, direction: "both", range: null, propagated: null, jobs: new Map() },
    cine: { frameCount: COUNT },
  };
});

function put(
  labelIndex: number,
  frameIndex: number,
  provenance: "HUMAN" | "MODEL" | "PROPAGATED",
  { accepted = false, eventSeq = 1, area = 16 } = {},
): void {
  const label = scene.document.labels.find((known) => known.index === labelIndex)?.code ?? "";
  const place = { label, label_index: labelIndex, frame_index: frameIndex };
  const row = {
    ...place,
    provenance,
    accepted,
    area,
    score: null,
    event_seq: eventSeq,
    mask: toBase64(DATA),
  };
  scene.document.merge([], [row]);
}

describe("a plan", () => {
  it("reaches to the ends of a cine that holds no key frame", () => {
    put(1, 10, "MODEL");
    const plan = planOf(scene);
    expect(plan).toMatchObject({ start: 0, stop: COUNT - 1, masks: COUNT - 1, refusal: null });
    expect(payloadOf(plan)).toEqual({
      labels: ["artery"],
      frame_index: 10,
      start: 0,
      stop: COUNT - 1,
      direction: "both",
    });
    expect(planOf(scene, "forward")).toMatchObject({ start: 10, stop: COUNT - 1 });
    expect(planOf(scene, "backward")).toMatchObject({ start: 0, stop: 10 });
  });

  it("ends before the neighbouring frames that are drawn, prompted or accepted", () => {
    put(1, 10, "MODEL");
    put(1, 4, "HUMAN");
    put(1, 20, "PROPAGATED", { accepted: true });
    expect(planOf(scene)).toMatchObject({ start: 5, stop: 19, masks: 14 });
    put(1, 15, "PROPAGATED");
    expect(planOf(scene)).toMatchObject({ start: 5, stop: 19 });
    put(1, 12, "HUMAN", { area: 0 });
    expect(planOf(scene)).toMatchObject({ start: 5, stop: 11 });
    put(1, 12, "HUMAN", { area: 0, eventSeq: 0 });
    expect(planOf(scene)).toMatchObject({ start: 5, stop: 19 });
  });

  it("is bounded by what is a key frame of every label it is about", () => {
    put(1, 10, "MODEL");
    put(2, 10, "MODEL");
    put(1, 15, "HUMAN");
    expect(planOf(scene)).toMatchObject({ stop: COUNT - 1, masks: 2 * (COUNT - 1) - 1 });
    scene.state.propagated = new Set(["artery"]);
    expect(planOf(scene)).toMatchObject({ stop: 14 });
    expect(planOf(scene).labels.map((label) => label.code)).toEqual(["artery"]);
  });

  it("takes the reader's own range, and counts only what is not locked", () => {
    put(1, 10, "MODEL");
    put(1, 12, "HUMAN");
    scene.state.range = { start: 8, stop: 13 };
    expect(planOf(scene)).toMatchObject({ start: 8, stop: 13, masks: 4 });
    expect(planOf(scene, "forward")).toMatchObject({ start: 10, stop: 13, masks: 2 });
  });

  it("says why it cannot be started", () => {
    expect(planOf(scene).refusal?.code).toBe("nothing_to_propagate");
    put(1, 10, "MODEL");
    scene.state.propagated = new Set();
    expect(planOf(scene).refusal?.code).toBe("no_label_chosen");
    scene.state.propagated = null;
    scene.state.range = { start: 11, stop: 13 };
    expect(planOf(scene).refusal?.code).toBe("frame_outside_range");
    scene.state.range = { start: 10, stop: 11 };
    put(1, 11, "PROPAGATED", { accepted: true });
    expect(planOf(scene).refusal?.code).toBe("nothing_to_compute");
  });

  it("holds its frame, no key frame beside it, and ends only at one or at the cine's end: at random", () => {
    let seed = 11;
    const random = () => {
      seed = (seed * 16807) % 2147483647;
      return seed / 2147483647;
    };
    for (let turn = 0; turn < 300; turn++) {
      const keys = new Set(Array.from({ length: COUNT }, (_, f) => f).filter(() => random() < 0.15));
      const frame = Math.floor(random() * COUNT);
      const { start, stop } = spanBetween((f) => keys.has(f), frame, COUNT);
      expect(start <= frame && frame <= stop).toBe(true);
      for (let f = start; f <= stop; f++) expect(f === frame || !keys.has(f)).toBe(true);
      expect(start === 0 || keys.has(start - 1)).toBe(true);
      expect(stop === COUNT - 1 || keys.has(stop + 1)).toBe(true);
    }
  });
});

describe("runs", () => {
  const job = (run_no: number, change: Partial<JobInfo> = {}): JobInfo => ({
    id: `j${run_no}`,
    client_uuid: `u${run_no}`,
    kind: "PROPAGATE",
    run_no,
    status: "CANCELLED",
    done: 4,
    total: 10,
    error: { code: "stopped", message: "" },
    event_seq: run_no,
    early_stop: false,
    created_at: "2026-01-01T00:00:00Z",
    reader: "Reader",
    ...change,
  });
  const event = (seq: number, resumes?: string, undone = false): LoggedEvent => ({
    id: `e${seq}`,
    seq,
    client_uuid: `c${seq}`,
    kind: "propagate",
    payload: {
      labels: ["artery"],
      frame_index: 10,
      start: 5,
      stop: 20,
      direction: "both",
      ...(resumes ? { resumes } : {}),
    },
    target: null,
    undone,
  });
  const know = (jobs: JobInfo[], events: LoggedEvent[]) => {
    scene.state.jobs = new Map(jobs.map((known) => [known.id, known]));
    const last = Math.max(0, ...events.map((known) => known.seq));
    const between = (seq: number): LoggedEvent => ({
      ...event(seq),
      kind: "accept",
      payload: { frame_indices: [], accepted: true },
    });
    const log = Array.from({ length: last }, (_, at) => between(at + 1));
    for (const known of events) log[known.seq - 1] = known;
    for (const { id } of events.filter((known) => known.undone)) {
      const seq = log.length + 1;
      log.push({
        id: `e${seq}`,
        seq,
        client_uuid: `c${seq}`,
        kind: "undo",
        payload: {},
        target: id,
        undone: false,
      });
    }
    scene.document.reset(log, []);
  };

  it("know what is left after a stop, until another run has taken it up", () => {
    know([job(1)], [event(1)]);
    expect(runsOf(scene)[0]).toMatchObject({ start: 5, stop: 20, left: 6 });
    const [run] = runsOf(scene);
    if (!run) throw new Error("no run");
    expect(resumePayload(run)).toEqual({ ...event(1).payload, resumes: "e1" });
    know([job(1), job(2)], [event(1), event(2, "e1")]);
    expect(runsOf(scene).map((known) => [known.eventId, known.left])).toEqual([
      ["e2", 6],
      ["e1", 0],
    ]);
    know([job(1), job(2)], [event(1), event(2, "e1", true)]);
    expect(runsOf(scene).map((known) => known.left)).toEqual([0, 6]);
  });

  it("leave nothing behind when they are done, undone or cut off by an undo", () => {
    know([job(1, { status: "DONE", error: null, early_stop: true })], [event(1)]);
    expect(runsOf(scene)[0]?.left).toBe(0);
    know([job(1, { error: { code: "undone", message: "" } })], [event(1)]);
    expect(runsOf(scene)[0]?.left).toBe(0);
    know([job(1)], [event(1, undefined, true)]);
    expect(runsOf(scene)[0]?.left).toBe(0);
    know([job(1, { status: "FAILED", error: { code: "out_of_memory", message: "" } })], [event(1)]);
    expect(runsOf(scene)[0]?.left).toBe(6);
  });

  it("say how they stand", () => {
    const texts = [
      job(1),
      job(1, { status: "RUNNING", error: null }),
      job(1, { status: "QUEUED", error: { code: "waiting_for_worker", message: "" } }),
      job(1, { status: "DONE", error: null }),
      job(1, { status: "DONE", error: null, early_stop: true }),
    ].map((one) => {
      know([one], [event(1)]);
      const [run] = runsOf(scene);
      return run && statusText(run);
    });
    expect(texts).toEqual([
      "stopped",
      "running",
      "waiting for a worker",
      "done",
      "done early: the rest would not have changed",
    ]);
  });

  it("are done again from the frame of the reader outward to their end", () => {
    know([job(1, { status: "DONE", error: null })], [event(1)]);
    const [run] = runsOf(scene);
    if (!run) throw new Error("no run");
    put(1, 10, "MODEL");
    for (const [frame, start, stop, direction] of [
      [14, 14, 20, "forward"],
      [7, 5, 7, "backward"],
      [10, 5, 20, "both"],
    ] as const) {
      scene.state.frameIndex = frame;
      put(1, frame, "HUMAN");
      expect(redoPlan(scene, run)).toMatchObject({ frameIndex: frame, start, stop, direction });
    }
    scene.state.frameIndex = 21;
    put(1, 21, "HUMAN");
    expect(redoPlan(scene, run)).toBeNull();
    scene.state.frameIndex = 12;
    expect(redoPlan(scene, run)).toBeNull();
  });

  it("name the frames that they have brought", () => {
    know([job(3)], [event(3)]);
    put(1, 6, "PROPAGATED", { eventSeq: 3 });
    put(1, 7, "PROPAGATED", { eventSeq: 2 });
    put(2, 8, "PROPAGATED", { eventSeq: 3 });
    const [run] = runsOf(scene);
    if (!run) throw new Error("no run");
    expect([...framesBrought(scene.document, run)]).toEqual([6, 8]);
  });
});
