import { beforeEach, describe, expect, it } from "vitest";
import { encodeMask, toBase64 } from "./codec";
import { ReadingDocument } from "./document";
import type { EventKind, LoggedEvent, MaskRow } from "./types";

const LABEL = { code: "coronary_artery", name: "Coronary artery", colour: "#ff5c7a", index: 1 };
let document: ReadingDocument;
let log: LoggedEvent[];

function logged(
  kind: EventKind,
  payload: Record<string, unknown>,
  target: string | null = null,
): LoggedEvent {
  const seq = log.length + 1;
  const event = { id: `e${seq}`, seq, client_uuid: `c${seq}`, kind, payload, target, undone: false };
  log.push(event);
  return event;
}

function maskRow(frame: number, bits: number[], change: Partial<MaskRow> = {}): MaskRow {
  const mask = toBase64(encodeMask(Uint8Array.from(bits), 2, 2));
  const area = bits.filter(Boolean).length;
  const base = {
    label: LABEL.code,
    label_index: 1,
    frame_index: frame,
    provenance: "HUMAN" as const,
    accepted: false,
  };
  return { ...base, area, score: null, event_seq: 1, mask, ...change };
}

function append(event: LoggedEvent, masks: MaskRow[] = []): void {
  document.append({ event, revision: event.seq, masks, job: null });
}

beforeEach(() => {
  document = new ReadingDocument([LABEL]);
  log = [];
});

describe("masks", () => {
  it("holds what the server sent and leaves empty ones out", () => {
    document.reset(3, [maskRow(0, [1, 0, 0, 1]), maskRow(1, [0, 0, 0, 0])], []);
    expect(document.revision).toBe(3);
    expect([...document.entries()].map((mask) => mask.frameIndex)).toEqual([0]);
    expect(document.pixels(1, 0)?.bits).toEqual(Uint8Array.from([1, 0, 0, 1]));
    expect(document.mask(1, 1)).toBeUndefined();
  });

  it("decodes anew only what has changed", () => {
    document.reset(1, [maskRow(0, [1, 1, 1, 1])], []);
    const before = document.pixels(1, 0);
    expect(document.pixels(1, 0)).toBe(before);
    document.setRow(maskRow(0, [1, 0, 0, 0]));
    expect(document.pixels(1, 0)?.bits).toEqual(Uint8Array.from([1]));
  });

  it("accepts and takes back by frame", () => {
    document.reset(1, [maskRow(0, [1, 1, 1, 1]), maskRow(2, [1, 1, 1, 1])], []);
    document.accept([0], true);
    expect(document.mask(1, 0)?.accepted).toBe(true);
    expect(document.mask(1, 2)?.accepted).toBe(false);
  });
});

describe("prompts", () => {
  const prompt = (x: number, box: number[] | null = null) => ({
    frame_index: 0,
    label: LABEL.code,
    points: [{ x, y: 1, positive: true }],
    box,
  });

  it("add up, and a later box replaces an earlier one", () => {
    append(logged("prompt", prompt(1, [0, 0, 1, 1])));
    append(logged("prompt", prompt(2, [0, 0, 2, 2])));
    expect(document.prompts(LABEL.code, 0, [])).toEqual({
      points: [
        { x: 1, y: 1, positive: true },
        { x: 2, y: 1, positive: true },
      ],
      box: [0, 0, 2, 2],
      line: null,
    });
    expect(document.prompts(LABEL.code, 1, []).points).toEqual([]);
  });

  it("are a box or a line, whichever came last", () => {
    append(logged("prompt", prompt(1, [0, 0, 1, 1])));
    append(logged("prompt", { ...prompt(2), line: [0, 1, 2, 1] }));
    expect(document.prompts(LABEL.code, 0, [])).toMatchObject({ box: null, line: [0, 1, 2, 1] });
    append(logged("prompt", prompt(1)));
    expect(document.prompts(LABEL.code, 0, []).line).toEqual([0, 1, 2, 1]);
    append(logged("prompt", prompt(2, [0, 0, 2, 2])));
    expect(document.prompts(LABEL.code, 0, [])).toMatchObject({ box: [0, 0, 2, 2], line: null });
    append(logged("edit", { frame_index: 0, label: LABEL.code, mask: "", tool: "brush" }));
    expect(document.prompts(LABEL.code, 0, [])).toEqual({ points: [], box: null, line: null });
  });

  it("are retired by words, which ask alone", () => {
    append(logged("prompt", { ...prompt(1, [0, 0, 1, 1]), line: [0, 1, 2, 1] }));
    append(logged("prompt", { ...prompt(1), points: [], text: "vessel" }));
    expect(document.prompts(LABEL.code, 0, [])).toEqual({ points: [], box: null, line: null });
    append(logged("prompt", prompt(2)));
    expect(document.prompts(LABEL.code, 0, []).points).toHaveLength(1);
  });

  it("are retired by an edit, come back when it is undone, and show what is still on its way", () => {
    append(logged("prompt", prompt(1)));
    const edit = logged("edit", { frame_index: 0, label: LABEL.code, mask: "", tool: "brush" });
    append(edit);
    expect(document.prompts(LABEL.code, 0, []).points).toEqual([]);
    const undo = { kind: "undo" as const, payload: { target: edit.id } };
    expect(document.prompts(LABEL.code, 0, [{ clientUuid: "u", body: undo }]).points).toHaveLength(1);
    append(logged("undo", {}, edit.id));
    expect(document.prompts(LABEL.code, 0, []).points).toHaveLength(1);
  });
});

describe("undo and redo", () => {
  it("take back the newest that stands, and bring back the last one undone", () => {
    const first = logged("accept", { frame_indices: [0], accepted: true });
    append(first);
    const second = logged("accept", { frame_indices: [1], accepted: true });
    append(second);
    expect(document.undoTarget()?.id).toBe(second.id);
    append(logged("undo", {}, second.id));
    expect(document.undoTarget()?.id).toBe(first.id);
    append(logged("undo", {}, first.id));
    expect(document.undoTarget()).toBeUndefined();
    expect(document.redoTarget()?.id).toBe(first.id);
    append(logged("redo", {}, first.id));
    expect(document.redoTarget()?.id).toBe(second.id);
  });

  it("have nothing to bring back once something new was done", () => {
    const first = logged("accept", { frame_indices: [0], accepted: true });
    append(first);
    append(logged("undo", {}, first.id));
    append(logged("accept", { frame_indices: [1], accepted: true }));
    expect(document.redoTarget()).toBeUndefined();
  });
});
