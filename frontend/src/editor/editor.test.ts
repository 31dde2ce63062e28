import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { decodeMask, encodeMask, fromBase64, toBase64, toBitmap } from "./codec";
import { Editor } from "./editor";
import { createTools } from "./tools";
import type { Appended, EventBody, Gateway, JobInfo, LoggedEvent, MaskRow } from "./types";

type Sent = EventBody & { client_uuid: string; base_revision: number };

class FakeSocket {
  static last: FakeSocket;
  static readonly OPEN = 1;
  readyState = 1;
  binaryType = "";
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.last = this;
  }
  send(): void {}
  close(): void {}
  say(message: unknown): void {
    this.onmessage?.({ data: message instanceof ArrayBuffer ? message : JSON.stringify(message) });
  }
}

const SIDE = 16;
const JOB: JobInfo = {
  id: "j",
  client_uuid: "c",
  kind: "PROPAGATE",
  run_no: 1,
  status: "RUNNING",
  done: 1,
  total: 2,
  error: null,
  event_seq: 1,
  early_stop: false,
  created_at: "2026-01-01T00:00:00Z",
  reader: "",
};
let sent: Sent[];
let log: LoggedEvent[];
let rows: MaskRow[];
let jobs: JobInfo[];
let editor: Editor;

function gateway(): Gateway {
  return {
    async appendEvent(body) {
      sent.push(body);
      const seq = body.base_revision + 1;
      const payload = body.payload as Record<string, unknown>;
      const about = "target_client" in body.payload ? body.payload.target_client : null;
      const target = log.find((event) => event.client_uuid === about)?.id ?? null;
      const event = {
        id: `e${seq}`,
        seq,
        client_uuid: body.client_uuid,
        kind: body.kind,
        payload,
        target,
        undone: false,
      };
      log.push(event);
      return { event, revision: seq, masks: [], job: null } satisfies Appended;
    },
    events: async (since) => log.slice(since),
    masks: async () => ({ revision: log.length, masks: rows }),
    hiddenMasks: async () => [],
    claimWriter: async (token) => ({ writer: { token, device: "", since: "" }, yours: true }),
    releaseWriter: async () => undefined,
    jobs: async () => jobs,
    cancelJob: async () => undefined,
    frame: async () => new ArrayBuffer(SIDE * SIDE),
    socketUrl: () => "ws://test/",
  };
}

beforeEach(async () => {
  vi.stubGlobal("WebSocket", FakeSocket);
  [sent, log, rows, jobs] = [[], [], [], []];
  editor = new Editor({
    readingId: "r",
    cine: {
      id: "c",
      title: "",
      patientKey: "P-1",
      modality: "XA",
      frameCount: 5,
      rows: SIDE,
      columns: SIDE,
      channels: 1,
      bitsAllocated: 8,
      window: [0, 255],
      windows: { bone: [100, 200] },
      frameTimesMs: [0, 100, 200, 300, 400],
      frameTimeSource: "FrameTime",
      display: {},
      warnings: [],
    },
    labels: [
      { code: "coronary_artery", name: "Coronary artery", colour: "#ff0000", index: 1 },
      { code: "catheter", name: "Catheter", colour: "#00ff00", index: 2 },
    ],
    readingStatus: "DRAFT",
    canWrite: true,
    gateway: gateway(),
  });
  await editor.open();
});

afterEach(() => editor.close());

const at = (x: number, y: number, alt = false) => ({ x, y, screenX: x, screenY: y, alt });
const square = (): Uint8Array => {
  const bitmap = new Uint8Array(SIDE * SIDE);
  for (let y = 4; y < 8; y++) bitmap.fill(1, y * SIDE + 4, y * SIDE + 8);
  return bitmap;
};

describe("tools", () => {
  it("turn a click into a point, Alt into its opposite, and a click beside the image into nothing", async () => {
    const tools = createTools();
    for (const point of [at(3, 4), at(5, 6, true), at(-2, 5)]) {
      tools.positive.down(editor, point);
      tools.positive.up(editor, point);
    }
    await editor.idle();
    const points = sent.map((body) => (body.kind === "prompt" ? body.payload.points[0] : null));
    expect(points).toEqual([
      { x: 3, y: 4, positive: true },
      { x: 5, y: 6, positive: false },
    ]);
  });

  it("cut a box to the image, and take a mere twitch for nothing", async () => {
    const tools = createTools();
    tools.box.down(editor, at(4, 5));
    tools.box.move(editor, at(40, 9));
    tools.box.up(editor, at(40, 9));
    tools.box.down(editor, at(4, 5));
    tools.box.move(editor, at(5, 5));
    tools.box.up(editor, at(5, 5));
    await editor.idle();
    expect(sent).toHaveLength(1);
    expect(sent[0]?.payload).toMatchObject({ box: [4, 5, 16, 9], points: [] });
  });

  it("cut a line to the image, and take a mere twitch or a drag given up for nothing", async () => {
    const tools = createTools();
    tools.line.down(editor, at(4, 5));
    tools.line.move(editor, at(12, -9));
    expect(tools.line.overlay?.(editor, null)).toEqual([
      expect.objectContaining({ kind: "caliper", from: { x: 4, y: 5 }, to: { x: 12, y: 0 } }),
    ]);
    tools.line.up(editor, at(12, -9));
    tools.line.down(editor, at(4, 5));
    tools.line.move(editor, at(5, 6));
    tools.line.up(editor, at(5, 6));
    tools.line.down(editor, at(4, 5));
    tools.line.move(editor, at(12, 12));
    tools.line.cancel(editor);
    tools.line.move(editor, at(13, 13));
    tools.line.up(editor, at(13, 13));
    await editor.idle();
    expect(sent).toHaveLength(1);
    expect(sent[0]?.payload).toMatchObject({ line: [4, 5, 12, 0], box: null, points: [] });
    expect(editor.prompts().line).toEqual([4, 5, 12, 0]);
    expect(tools.line.overlay?.(editor, null)).toEqual([]);
  });

  it("draw on a copy that is sent on release and shown at once", async () => {
    const tools = createTools();
    tools.brush.down(editor, at(8, 8));
    tools.brush.move(editor, at(8, 12));
    expect(sent).toHaveLength(0);
    tools.brush.up(editor, at(8, 12));
    expect(editor.document.mask(1, 0)?.provenance).toBe("HUMAN");
    await editor.idle();
    const body = sent[0];
    if (body?.kind !== "edit" || "edits" in body.payload) throw new Error("no edit was sent");
    expect(toBitmap(decodeMask(fromBase64(body.payload.mask)))[10 * SIDE + 8]).toBe(1);
    tools.eraser.down(editor, at(8, 10));
    tools.eraser.up(editor, at(8, 10));
    expect(toBitmap(editor.document.pixels(1, 0) ?? decodeMask(new Uint8Array()))[10 * SIDE + 8]).toBe(0);
  });
});

describe("the editor", () => {
  it("shows masks as they stream in, and keeps what the reader draws meanwhile", async () => {
    editor.goTo(2);
    editor.startDraft();
    editor.commitDraft("brush");
    await editor.idle();
    editor.undo();
    editor.addPoint({ x: 1, y: 1, positive: true });
    await editor.idle();
    const job = { ...JOB, run_no: 0x10003, client_uuid: sent.at(-1)?.client_uuid ?? "" };
    FakeSocket.last.say({ type: "job", job });
    const message = encodeMask(square(), SIDE, SIDE);
    message[3] = 1;
    message[4] = 2;
    message[21] = 2;
    message[22] = 3;
    FakeSocket.last.say(message.slice().buffer);
    expect(editor.document.mask(1, 2)?.provenance).toBe("PROPAGATED");
    editor.startDraft();
    editor.commitDraft("brush");
    FakeSocket.last.say(message.slice().buffer);
    expect(editor.document.mask(1, 2)?.provenance).toBe("HUMAN");
  });

  it("propagates the labels that have a mask here, over the range that the direction asks for", async () => {
    rows = [
      {
        label: "catheter",
        label_index: 2,
        frame_index: 1,
        provenance: "MODEL",
        accepted: false,
        area: 16,
        score: 0.5,
        event_seq: 1,
        mask: toBase64(encodeMask(square(), SIDE, SIDE)),
      },
    ];
    await editor.reload();
    editor.propagate();
    expect(sent).toHaveLength(0);
    expect(editor.state.notice?.code).toBe("nothing_to_propagate");
    editor.goTo(1);
    editor.propagate("forward");
    editor.propagate("both");
    await editor.idle();
    expect(sent.map((body) => body.payload)).toEqual([
      { labels: ["catheter"], frame_index: 1, start: 1, stop: 4, direction: "forward" },
      { labels: ["catheter"], frame_index: 1, start: 0, stop: 4, direction: "both" },
    ]);
  });

  it("fetches the masks once a job has ended, whatever hints were lost", async () => {
    const job = JOB;
    FakeSocket.last.say({ type: "job", job });
    rows = [
      {
        label: "coronary_artery",
        label_index: 1,
        frame_index: 3,
        provenance: "PROPAGATED",
        accepted: false,
        area: 16,
        score: 0.5,
        event_seq: 1,
        mask: toBase64(encodeMask(square(), SIDE, SIDE)),
      },
    ];
    jobs = [{ ...job, status: "DONE", done: 2 }];
    FakeSocket.last.say({ type: "job", job: jobs[0] });
    await vi.waitFor(() => expect(editor.document.mask(1, 3)).toBeDefined());
  });

  it("learns the score of a mask with the job that brought it", async () => {
    const message = encodeMask(square(), SIDE, SIDE);
    message[3] = 1;
    message[4] = 2;
    message[21] = 2;
    message[22] = 7;
    log = [
      { id: "e1", seq: 1, client_uuid: "c", kind: "propagate", payload: {}, target: null, undone: false },
    ];
    await editor.reload();
    const job: JobInfo = { ...JOB, run_no: 7 };
    const scored = { label: "coronary_artery", frame_index: 2, score: 0.25 };
    FakeSocket.last.say({ type: "job", job });
    FakeSocket.last.say(message.slice().buffer);
    expect(editor.document.mask(1, 2)).toMatchObject({ score: null, eventSeq: 1 });
    FakeSocket.last.say({ type: "job", job, scored });
    expect(editor.document.mask(1, 2)?.score).toBe(0.25);
    FakeSocket.last.say({ type: "job", job: { ...job, event_seq: 8 }, scored: { ...scored, score: 0.9 } });
    expect(editor.document.mask(1, 2)?.score).toBe(0.25);
  });

  it("steps over the frames that are not asked for", async () => {
    rows = [1, 4].map((frame) => ({
      label: "coronary_artery",
      label_index: 1,
      frame_index: frame,
      provenance: "MODEL",
      accepted: false,
      area: 16,
      score: 0.5,
      event_seq: 1,
      mask: toBase64(encodeMask(square(), SIDE, SIDE)),
    }));
    await editor.reload();
    const walk = (by: number) => {
      editor.step(by);
      return editor.state.frameIndex;
    };
    editor.set({ stepMode: "annotated" });
    expect([walk(1), walk(1), walk(1), walk(-1)]).toEqual([1, 4, 1, 4]);
    editor.set({ stepMode: "unannotated" });
    expect([walk(1), walk(1), walk(1), walk(1)]).toEqual([0, 2, 3, 0]);
    editor.set({ labelCode: "catheter" });
    expect([walk(1), walk(1)]).toEqual([1, 2]);
    editor.set({ labelCode: "coronary_artery" });
    rows = rows.map((row) => ({ ...row, event_seq: 0 }));
    await editor.reload();
    editor.set({ stepMode: "annotated" });
    expect(walk(1)).toBe(2);
    expect(editor.state.notice?.code).toBe("no_such_frame");
  });

  it("undoes the newest event on the frame that it is about", async () => {
    editor.goTo(3);
    editor.addPoint({ x: 1, y: 1, positive: true });
    await editor.idle();
    editor.goTo(0);
    editor.undo();
    await editor.idle();
    expect(sent.at(-1)).toMatchObject({ kind: "undo", payload: { target_client: sent[0]?.client_uuid } });
    expect(editor.state.frameIndex).toBe(3);
    expect(editor.state.canRedo).toBe(true);
  });

  it("asks the model to look through the window that was chosen, and shows it", async () => {
    editor.lookThrough("bone");
    expect(editor.state).toMatchObject({ window: [100, 200], preset: "" });
    editor.addPoint({ x: 1, y: 1, positive: true });
    editor.accept([0], true);
    editor.lookThrough("spleen");
    editor.addBox([1, 1, 4, 4]);
    editor.lookThrough(null);
    editor.addPoint({ x: 2, y: 2, positive: true });
    await editor.idle();
    const windows = sent.map((body) => ("window" in body.payload ? body.payload.window : undefined));
    expect(windows).toEqual(["bone", undefined, "bone", undefined]);
    expect(editor.state).toMatchObject({ window: [0, 255], preset: "own" });
  });

  it("asks with words for the label that is chosen, and not with none", async () => {
    editor.addText("  left ventricle ");
    editor.addText("   ");
    await editor.idle();
    expect(sent.map((body) => body.payload)).toEqual([
      { frame_index: 0, label: "coronary_artery", points: [], box: null, text: "left ventricle" },
    ]);
  });

  it("goes on with the window that was used last", async () => {
    editor.lookThrough("bone");
    editor.addPoint({ x: 1, y: 1, positive: true });
    await editor.idle();
    editor.set({ modelWindow: null, window: [0, 255] });
    await editor.open();
    expect(editor.state).toMatchObject({ modelWindow: "bone", window: [100, 200] });
  });

  it("writes nothing in a submitted reading", () => {
    editor.set({ canWrite: false });
    editor.addPoint({ x: 1, y: 1, positive: true });
    expect(editor.startDraft()).toBeNull();
    expect(sent).toHaveLength(0);
    expect(editor.state.notice?.code).toBe("reading_not_editable");
  });

  it("plays by elapsed time and skips frames instead of falling behind", async () => {
    await vi.waitFor(() => expect(editor.frames.loadedCount).toBe(5));
    editor.play();
    const now = performance.now();
    editor.tick(now);
    editor.tick(now + 310);
    expect(editor.state.frameIndex).toBe(3);
    editor.tick(now + 510);
    expect(editor.state.frameIndex).toBe(0);
    editor.step(-1);
    expect(editor.state.playing).toBe(false);
    expect(editor.state.frameIndex).toBe(4);
  });
});
