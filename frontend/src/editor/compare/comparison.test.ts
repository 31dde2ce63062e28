import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cineOf } from "../../testing/editor";
import { LABELS, maskOf, ReadingServer, randomOf, SIDE } from "../../testing/readingServer";
import { fromBase64 } from "../codec";
import { Editor } from "../editor";
import { type MaskRow, Refusal } from "../types";
import type { OtherReading } from "./second";
import { STRETCH } from "./sides";

const CODE = "coronary_artery";
const FRAMES = 100;
const PATIENCE = { timeout: 15_000 };

class SilentSocket {
  static readonly OPEN = 1;
  readyState = 1;
  send(): void {}
  close(): void {}
}

/** What lies beside the reading on the server, and what was asked of it. */
class Beside {
  readonly asked: [string, number, number][] = [];
  readonly masks = new Map<string, MaskRow[]>();
  answersOf: MaskRow[] = [];
  others: OtherReading[] = [];
  revision = 1;
  underWay = 0;
  mostUnderWay = 0;
  failure: unknown = null;

  private async serve<T>(rows: T[], id: string, start: number, stop: number): Promise<T[]> {
    this.asked.push([id, start, stop]);
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    await Promise.resolve();
    this.underWay -= 1;
    if (this.failure) throw this.failure;
    return rows;
  }

  gateway() {
    const within = (rows: MaskRow[], start: number, stop: number) =>
      rows.filter((row) => row.frame_index >= start && row.frame_index <= stop);
    return {
      answers: (start: number, stop: number) =>
        this.serve(within(this.answersOf, start, stop), "model", start, stop),
      others: () => Promise.resolve(this.others),
      otherMasks: async (id: string, start: number, stop: number) => ({
        revision: this.revision,
        masks: await this.serve(within(this.masks.get(id) ?? [], start, stop), id, start, stop),
      }),
    };
  }
}

let server: ReadingServer;
let beside: Beside;
let editor: Editor;

async function open(frameCount = FRAMES): Promise<void> {
  editor = new Editor({
    readingId: "r",
    cine: cineOf({ columns: SIDE, rows: SIDE, frameCount }),
    labels: LABELS,
    readingStatus: "DRAFT",
    canWrite: true,
    gateway: server.gateway(),
    comparison: { gateway: beside.gateway(), isAssisted: true },
  });
  await editor.open();
}

const row = (frame: number, mask: string, change: Partial<MaskRow> = {}): MaskRow => ({
  label: CODE,
  label_index: 1,
  frame_index: frame,
  provenance: "HUMAN",
  accepted: false,
  area: fromBase64(mask).length > 32 ? 1 : 0,
  score: null,
  event_seq: 1,
  mask,
  ...change,
});

const other = (id: string, change: Partial<OtherReading> = {}): OtherReading => ({
  id,
  reader: `R-${id}`,
  is_own: false,
  campaign_name: "LAD",
  status: "SUBMITTED",
  labels_left_out: [],
  ...change,
});

/** Draw pixels in the reading. */
async function draw(frame: number, ...pixels: number[]): Promise<void> {
  editor.goTo(frame);
  const draft = editor.startDraft();
  draft?.bitmap.fill(0);
  for (const pixel of pixels) draft?.bitmap.fill(1, pixel, pixel + 1);
  editor.commitDraft("brush");
  await editor.idle();
}

/** Ask the model for a mask of some pixels; returns the client UUID of the prompt. */
async function ask(frame: number, ...pixels: number[]): Promise<string> {
  editor.goTo(frame);
  editor.addPoint({ x: 1, y: 1, positive: true });
  await editor.idle();
  const asked = server.log.at(-1)?.client_uuid ?? "";
  server.answer(asked, 1, frame, maskOf(...pixels));
  await editor.reload();
  return asked;
}

/** The pixels of the other side on a frame. */
function there(frame: number): number[] {
  const mask = editor.comparison.pixels(1, frame);
  if (!mask) return [];
  return [...mask.bits].flatMap((bit, at) =>
    bit ? [(mask.y0 + Math.floor(at / mask.width)) * SIDE + mask.x0 + (at % mask.width)] : [],
  );
}

const known = (frame: number) => editor.comparison.last(1, frame);
const surveyed = () =>
  vi.waitFor(() => {
    for (let frame = 0; frame < editor.cine.frameCount; frame++)
      expect(known(frame).kind).not.toBe("unknown");
  }, PATIENCE);

beforeEach(() => {
  vi.stubGlobal("WebSocket", SilentSocket);
  server = new ReadingServer();
  beside = new Beside();
});

afterEach(() => {
  editor.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the model beside the reader", () => {
  it("is the last answer, whatever was drawn over it, and Dice says how much was", async () => {
    await open();
    await ask(3, 0, 1, 2, 3);
    editor.comparison.choose({ of: "model" });
    expect(there(3)).toEqual([0, 1, 2, 3]);
    await surveyed();
    expect(known(3)).toEqual({ kind: "dice", dice: 1, isSame: true });
    expect(known(4)).toEqual({ kind: "neither" });
    await draw(3, 2, 3, 4, 5);
    expect(there(3)).toEqual([0, 1, 2, 3]);
    expect(editor.comparison.verdict(1, 3)).toEqual({ kind: "dice", dice: 0.5, isSame: false });
    await vi.waitFor(() => expect(known(3)).toEqual({ kind: "dice", dice: 0.5, isSame: false }));
    expect(editor.comparison.mean(1)).toEqual({ dice: 0.5, frames: 1 });
    await ask(3, 7);
    expect(there(3)).toEqual([7]);
    await draw(3);
    expect(editor.comparison.verdict(1, 3)).toEqual({ kind: "dice", dice: 0, isSame: false });
    await draw(9, 1);
    expect(editor.comparison.verdict(1, 9)).toEqual({ kind: "only-here" });
  });

  it("counts what was taken back only where nothing else stands", async () => {
    await open();
    await ask(0, 1);
    await ask(0, 2);
    editor.comparison.choose({ of: "model" });
    expect(there(0)).toEqual([2]);
    editor.undo();
    await editor.idle();
    expect([there(0), editor.comparison.isUndone(1, 0)]).toEqual([[1], false]);
    editor.undo();
    await editor.idle();
    expect([there(0), editor.comparison.isUndone(1, 0)]).toEqual([[2], true]);
    expect(editor.comparison.verdict(1, 0)).toEqual({ kind: "only-there" });
    editor.redo();
    editor.redo();
    await editor.idle();
    expect([there(0), editor.comparison.isUndone(1, 0)]).toEqual([[2], false]);
  });

  it("agrees with playing the log again, whatever was asked, drawn, undone and redone", async () => {
    await open(2);
    editor.comparison.choose({ of: "model" });
    const random = randomOf(3);
    for (let round = 0; round < 60; round++) {
      const what = random();
      const frame = random() < 0.5 ? 0 : 1;
      if (what < 0.35) await ask(frame, Math.floor(random() * 60));
      else if (what < 0.6) await draw(frame, Math.floor(random() * 60));
      else if (what < 0.85) editor.undo();
      else editor.redo();
      await editor.idle();
      await editor.reload();
      const undone = server.undone();
      for (const at of [0, 1]) {
        const prompts = server.log.filter(
          (event) => event.kind === "prompt" && event.payload.frame_index === at,
        );
        const last = prompts.findLast((event) => !undone.has(event.client_uuid)) ?? prompts.at(-1);
        const expected = last && server.answerOf(last.client_uuid, 1, at)?.mask;
        const data = editor.document.answer(1, at)?.data;
        expect(data && [...data]).toEqual(expected && [...fromBase64(expected)]);
      }
    }
  });

  it("finds answers that this tab has never seen, by stretches, nearest first", async () => {
    await open();
    await draw(80, 1);
    await draw(80, 2);
    editor.goTo(50);
    const asked = server.log[0]?.client_uuid ?? "";
    expect(asked).not.toBe("");
    beside.answersOf = [
      row(80, maskOf(9), { provenance: "PROPAGATED", event_seq: 1 }),
      // Of an event that has not come here yet: it would show as the reader's own.
      row(81, maskOf(9), { provenance: "MODEL", event_seq: 99 }),
    ];
    editor.comparison.choose({ of: "model" });
    await surveyed();
    expect(beside.asked[0]).toEqual(["model", 48, 63]);
    expect(beside.asked).toHaveLength(Math.ceil(FRAMES / STRETCH));
    expect(beside.asked.at(-1)?.[1]).toBe(96);
    expect(there(80)).toEqual([9]);
    expect(editor.document.mask(1, 81)).toBeUndefined();
    expect(beside.mostUnderWay).toBeLessThanOrEqual(2);
  });
});

describe("another reading beside this one", () => {
  it("shows its masks, and cleared ones for what they are", async () => {
    beside.masks.set("a", [row(2, maskOf(1, 2)), row(3, maskOf()), row(4, maskOf()), row(5, maskOf(3))]);
    await open();
    await draw(2, 2, 3);
    await draw(3);
    await draw(4, 1);
    editor.comparison.choose({ of: "reading", id: "a" });
    expect(editor.comparison.verdict(1, 2)).toEqual({ kind: "unknown" });
    await surveyed();
    expect(there(2)).toEqual([1, 2]);
    expect([1, 2, 3, 4, 5].map((frame) => known(frame).kind)).toEqual([
      "neither",
      "dice",
      "both-empty",
      "dice",
      "only-there",
    ]);
    expect(editor.comparison.mean(1)).toEqual({ dice: 0.25, frames: 2 });
    // Nothing of it has come into the reading itself.
    expect([...editor.document.entries()].map((mask) => mask.frameIndex).sort()).toEqual([2, 4]);
    expect(server.log).toHaveLength(3);
  });

  it("asks for each stretch once while its masks fit into memory", async () => {
    beside.masks.set("a", [row(2, maskOf(1))]);
    await open();
    editor.comparison.choose({ of: "reading", id: "a" });
    await surveyed();
    for (const frame of [0, 99, 40, 7, 0]) editor.goTo(frame);
    await Promise.resolve();
    expect(beside.asked.map(([, start]) => start).sort((a, b) => a - b)).toEqual([0, 16, 32, 48, 64, 80, 96]);
  });

  it("holds few of many large masks, and knows of all what was compared", async () => {
    // A chessboard is the worst that runs can be made of: this one has 600 kB.
    const side = 1100;
    const data = new Uint8Array(32 + 600_000).fill(1);
    data.set([0x43, 0x4d, 1, 0]);
    const view = new DataView(data.buffer);
    view.setUint16(8, side, true);
    view.setUint16(10, side, true);
    view.setUint16(16, 1000, true);
    view.setUint16(18, 600, true);
    let text = "";
    for (let at = 0; at < data.length; at += 0x8000)
      text += String.fromCharCode(...data.subarray(at, at + 0x8000));
    const mask = btoa(text);
    beside.masks.set(
      "a",
      Array.from({ length: FRAMES / 4 }, (_, at) => row(4 * at, mask, { area: 300_000 })),
    );
    await open();
    editor.comparison.choose({ of: "reading", id: "a" });
    await surveyed();
    const held = Array.from({ length: FRAMES }, (_, frame) => editor.comparison.version(1, frame)).filter(
      Boolean,
    );
    // 4 masks to a stretch of 2.4 MB, of 8 MB that may be held.
    expect(held.length).toBeGreaterThan(0);
    expect(held.length).toBeLessThanOrEqual(16);
    expect(known(96)).toEqual({ kind: "only-there" });
    const asked = beside.asked.length;
    // What is in sight has stayed, though the survey went over all of it.
    expect(editor.comparison.version(1, 0)).not.toBe(0);
    for (const frame of [96, 0]) {
      editor.goTo(frame);
      await vi.waitFor(() => expect(editor.comparison.version(1, frame)).not.toBe(0), PATIENCE);
    }
    expect(beside.asked.length).toBeLessThan(asked + 12);
  });

  it("begins anew when its reader has gone on meanwhile", async () => {
    beside.masks.set("a", [row(2, maskOf(1)), row(70, maskOf(1))]);
    await open();
    await draw(2, 1);
    editor.comparison.choose({ of: "reading", id: "a" });
    await vi.waitFor(() => expect(known(2)).toEqual({ kind: "dice", dice: 1, isSame: true }));
    await surveyed();
    editor.comparison.choose(null);
    expect(there(2)).toEqual([]);
    beside.masks.set("a", [row(2, maskOf(5)), row(70, maskOf(1))]);
    beside.revision = 2;
    editor.comparison.choose({ of: "reading", id: "a" });
    await surveyed();
    expect(there(2)).toEqual([5]);
    expect(known(2)).toEqual({ kind: "dice", dice: 0, isSame: false });
  });

  it("does not mix what two revisions say", async () => {
    beside.masks.set("a", [row(2, maskOf(1)), row(90, maskOf(1))]);
    await open();
    const { gateway } = { gateway: beside.gateway() };
    const { ReadingSide } = await import("./sides");
    const side = new ReadingSide("a", gateway, FRAMES);
    await side.need(2);
    expect([side.isKnown(2), side.wasKnown(2)]).toEqual([true, true]);
    beside.revision = 2;
    await side.need(90);
    expect([side.isKnown(2), side.wasKnown(2), side.isKnown(90)]).toEqual([false, false, true]);
  });

  it("says why it cannot be had, and does not ask again for what is refused", async () => {
    beside.failure = new Refusal("reading_not_found", "There is no such reading.", 404);
    await open();
    editor.comparison.choose({ of: "reading", id: "a" });
    await vi.waitFor(() => expect(editor.state.secondFailure).toBe("There is no such reading."));
    vi.useFakeTimers();
    const asked = beside.asked.length;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(beside.asked).toHaveLength(asked);
    vi.useRealTimers();
    beside.failure = null;
    editor.comparison.choose({ of: "model" });
    expect(editor.state.secondFailure).toBe("");
  });

  it("tries again when the server cannot be reached", async () => {
    beside.masks.set("a", [row(0, maskOf(4))]);
    await open();
    vi.useFakeTimers();
    beside.failure = new TypeError("Failed to fetch");
    editor.comparison.choose({ of: "reading", id: "a" });
    await vi.advanceTimersByTimeAsync(100);
    expect(editor.state.secondFailure).toContain("trying again");
    beside.failure = null;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(editor.state.secondFailure).toBe("");
    expect(there(0)).toEqual([4]);
  });

  it("asks for one stretch at a time beside the survey, however the hand runs over the frames", async () => {
    await open();
    editor.comparison.choose({ of: "reading", id: "a" });
    for (let frame = 0; frame < FRAMES; frame++) editor.goTo(frame);
    await surveyed();
    expect(beside.mostUnderWay).toBeLessThanOrEqual(2);
  });
});

describe("the choice", () => {
  it("goes through the other readings and back to one pane", async () => {
    beside.others = [other("a"), other("b", { is_own: true, status: "DRAFT" })];
    await open();
    const seen: unknown[] = [];
    for (let press = 0; press < 4; press++) {
      await editor.comparison.nextReading();
      const { second } = editor.state;
      seen.push(second?.of === "reading" ? [second.id, editor.comparison.name] : second);
    }
    expect(seen).toEqual([["a", "R-a"], ["b", "My reading (LAD, draft)"], null, ["a", "R-a"]]);
  });

  it("says so when there is no other reading, and leaves the pane as it was", async () => {
    await open();
    editor.comparison.choose({ of: "model" });
    await editor.comparison.nextReading();
    expect(editor.state.second).toEqual({ of: "model" });
    expect(editor.state.notice?.code).toBe("no_other_reading");
  });

  it("keeps a frame in memory only while it is in sight", async () => {
    await open();
    editor.goTo(7);
    editor.comparison.toggleFrame();
    expect(editor.state.second).toEqual({ of: "frame", frameIndex: 7 });
    expect(editor.frames.pinned).toBe(7);
    editor.comparison.toggleModel();
    expect(editor.state.second).toEqual({ of: "model" });
    expect(editor.frames.pinned).toBeNull();
    editor.comparison.toggleModel();
    expect(editor.state.second).toBeNull();
  });
});
