import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Bench, LABELS, makeBench, put } from "../testing/editor";
import { areaOf, drawn, shown } from "../testing/masks";
import { actionOf, actionsFor, whyNot } from "./actions";
import { setOptions } from "./tools/options";
import { editsOf } from "./types";

const [COLUMNS, ROWS] = [10, 6];
let bench: Bench;

beforeEach(async () => {
  bench = await makeBench({ columns: COLUMNS, rows: ROWS });
});
afterEach(() => bench.editor.close());

const perform = (id: string) => actionOf(id).perform(bench.editor);
const rowsOf = (labelIndex = 1, frameIndex?: number) => shown(bench.mask(labelIndex, frameIndex), COLUMNS);
const code = () => bench.editor.state.notice?.code;

const RING = drawn("..........", ".####.....", ".#..#...#.", ".####.....", "..........", "..........");

describe("work on the mask of the active label", () => {
  it("fills, keeps, drops, grows, shrinks and smooths, each as one event", async () => {
    const { editor, sent } = bench;
    put(editor, RING);
    perform("fill-holes");
    expect(rowsOf()[2]).toBe(".####...#.");
    perform("keep-largest");
    expect(rowsOf()[2]).toBe(".####.....");
    perform("grow");
    expect(rowsOf()[0]).toBe(".####.....");
    perform("shrink");
    expect(rowsOf()[2]?.slice(1)).toBe("####.....");
    put(editor, RING);
    setOptions(editor, { leastArea: 2 });
    perform("drop-islands");
    expect(rowsOf()[2]).toBe(".#..#.....");
    perform("smooth");
    await editor.idle();
    expect(sent.map((body) => body.kind === "edit" && body.payload.tool)).toEqual([
      "test",
      "fill-holes",
      "keep-largest",
      "grow",
      "shrink",
      "test",
      "drop-islands",
      "smooth",
    ]);
    expect(sent.every((body) => body.kind === "edit" && editsOf(body.payload).length === 1)).toBe(true);
  });

  it.each([
    "fill-holes",
    "keep-largest",
    "drop-islands",
    "grow",
    "shrink",
    "smooth",
    "copy-next",
    "copy-all-next",
  ])("%s says so when there is no mask", async (id) => {
    perform(id);
    expect(code()).toBe("no_mask_here");
    await bench.editor.idle();
    expect(bench.sent).toHaveLength(0);
  });

  it("says so when there is nothing to do, or nothing would be left", async () => {
    const { editor, sent } = bench;
    put(editor, drawn("####......", "####......", "####......", "####......", "..........", ".........."));
    for (const id of ["fill-holes", "keep-largest"]) {
      perform(id);
      expect(code()).toBe("nothing_to_change");
    }
    setOptions(editor, { leastArea: 100 });
    perform("drop-islands");
    expect(code()).toBe("nothing_left");
    put(editor, new Uint8Array(COLUMNS * ROWS).fill(1));
    perform("grow");
    expect(code()).toBe("nothing_to_change");
    put(editor, drawn("..........", ".#........", "..........", "..........", "..........", ".........."));
    perform("shrink");
    expect(code()).toBe("nothing_left");
    await editor.idle();
    expect(sent).toHaveLength(3);
  });

  it("is refused in a submitted reading", () => {
    put(bench.editor, RING);
    bench.editor.set({ canWrite: false });
    expect(actionOf("fill-holes").isEnabled?.(bench.editor.state)).toBe(false);
    perform("fill-holes");
    expect(code()).toBe("reading_not_editable");
    expect(bench.mask()).toEqual(RING);
  });
});

describe("copying to another frame", () => {
  it("copies the active label, or all of them in one event, and goes there", async () => {
    const { editor, sent, mask } = bench;
    put(editor, RING, 1, 0);
    put(
      editor,
      RING.map((bit) => 1 - bit),
      2,
      0,
    );
    perform("copy-next");
    expect(editor.state.frameIndex).toBe(1);
    expect(mask(1, 1)).toEqual(RING);
    expect(areaOf(mask(2, 1))).toBe(0);
    editor.goTo(0);
    perform("copy-all-next");
    expect(areaOf(mask(2, 1))).toBe(60 - areaOf(RING));
    editor.goTo(0);
    perform("copy-all-next");
    expect(code()).toBe("nothing_to_change");
    editor.goTo(0);
    perform("copy-previous");
    expect(code()).toBe("no_such_frame");
    await editor.idle();
    expect(sent).toHaveLength(4);
  });

  it("is undone on the frame that it changed", async () => {
    const { editor, sent } = bench;
    put(editor, RING, 1, 4);
    await editor.idle();
    editor.goTo(4);
    perform("copy-next");
    await editor.idle();
    editor.goTo(0);
    await editor.undo();
    expect(editor.state.frameIndex).toBe(5);
    await editor.idle();
    expect(sent.at(-1)?.kind).toBe("undo");
  });
});

describe("interpolating", () => {
  const bar = (x: number) =>
    Uint8Array.from({ length: COLUMNS * ROWS }, (_, place) =>
      place % COLUMNS >= x && place % COLUMNS < x + 2 ? 1 : 0,
    );

  it("fills the frames between the key frames around, as one event of its own provenance", async () => {
    const { editor, sent, mask } = bench;
    put(editor, bar(1), 1, 1);
    put(editor, bar(7), 1, 4);
    put(editor, bar(0), 1, 8);
    editor.goTo(2);
    perform("interpolate");
    expect(mask(1, 2)).toEqual(bar(3));
    expect(mask(1, 3)).toEqual(bar(5));
    expect(editor.document.mask(1, 2)?.provenance).toBe("INTERPOLATED");
    expect(areaOf(mask(1, 5))).toBe(0);
    await editor.idle();
    const body = sent.at(-1);
    if (body?.kind !== "edit" || !("edits" in body.payload)) throw new Error("no edit was sent");
    expect(body.payload.provenance).toBe("INTERPOLATED");
    expect(body.payload.edits.map((edit) => edit.frame_index)).toEqual([2, 3]);
    editor.goTo(4);
    perform("interpolate");
    expect(areaOf(mask(1, 6))).toBeGreaterThan(0);
  });

  it("leaves frames alone that were cleared or accepted", async () => {
    const { editor, sent } = bench;
    put(editor, bar(1), 1, 0);
    put(editor, bar(7), 1, 4);
    put(editor, new Uint8Array(COLUMNS * ROWS), 1, 2);
    put(editor, bar(0), 2, 3);
    editor.accept([3], true);
    perform("interpolate");
    await editor.idle();
    const body = sent.at(-1);
    if (body?.kind !== "edit") throw new Error("no edit was sent");
    expect(editsOf(body.payload).map((edit) => edit.frame_index)).toEqual([1]);
  });

  it("says what it lacks", () => {
    const { editor } = bench;
    perform("interpolate");
    expect(code()).toBe("no_key_frames");
    put(editor, bar(1), 1, 0);
    put(editor, bar(2), 1, 1);
    perform("interpolate");
    expect(code()).toBe("nothing_to_change");
  });
});

describe("relabelling", () => {
  const give = (id: string) => {
    const action = actionsFor(bench.editor.labels).find((known) => known.id === id);
    if (!action) throw new Error(`there is no action ${id}`);
    return action;
  };
  const framesOf = (index: number) =>
    [...bench.editor.document.entries()]
      .filter((mask) => mask.labelIndex === index)
      .map((mask) => mask.frameIndex);

  it("is one event of this frame, of the range or of all frames, and undone as one", async () => {
    const { editor, sent, mask } = bench;
    for (const frame of [0, 2, 4, 6]) put(editor, RING, 1, frame);
    give("relabel-2").perform(editor);
    expect([framesOf(1), framesOf(2)]).toEqual([[2, 4, 6], [0]]);
    expect(mask(2, 0)).toEqual(RING);
    expect(whyNot(give("relabel-range-2"), editor.state)).toContain("range");
    editor.set({ range: { start: 1, stop: 4 } });
    expect(whyNot(give("relabel-range-2"), editor.state)).toBeUndefined();
    give("relabel-range-2").perform(editor);
    expect(framesOf(1)).toEqual([6]);
    give("relabel-all-3").perform(editor);
    expect([framesOf(1), framesOf(3)]).toEqual([[], [6]]);
    await editor.idle();
    expect(sent.slice(4).map((body) => body.kind === "relabel" && body.payload.frame_indices)).toEqual([
      [0],
      [2, 4],
      [6],
    ]);
    editor.undo();
    expect(editor.state.undoName).toBe("relabelling, Coronary artery to Catheter, 2 frames");
    editor.undo();
    expect(framesOf(1)).toEqual([2, 4, 6]);
  });

  it("says so where there is no mask, and is not offered for the label's own mask", async () => {
    const { editor, sent } = bench;
    put(editor, RING, 1, 3);
    give("relabel-2").perform(editor);
    expect(code()).toBe("no_mask_here");
    expect(give("relabel-1").isOffered?.(editor.state)).toBe(false);
    give("relabel-1").perform(editor);
    await editor.idle();
    expect(sent).toHaveLength(1);
  });
});

describe("merging labels", () => {
  it("takes the other label in, overlapping or not, as one event", async () => {
    const { editor, sent, mask } = bench;
    put(editor, RING, 2, 0);
    put(
      editor,
      RING.map((bit) => 1 - bit),
      1,
      0,
    );
    perform("merge");
    expect(areaOf(mask(1))).toBe(60);
    expect(areaOf(mask(2))).toBe(0);
    perform("merge");
    expect(code()).toBe("nothing_to_change");
    await editor.idle();
    expect(sent).toHaveLength(3);
  });

  it("needs another label", async () => {
    bench.editor.close();
    bench = await makeBench({ columns: COLUMNS, rows: ROWS }, LABELS.slice(0, 1));
    perform("merge");
    expect(code()).toBe("no_other_label");
  });
});
