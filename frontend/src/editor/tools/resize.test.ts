import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, type Bench, drag, makeBench, put } from "../../testing/editor";
import { areaOf } from "../../testing/masks";
import { edgesOf } from "../geometry/edges";
import { grow, shrink } from "../geometry/morphology";
import { setOptions } from "./options";
import { MOST_PIXELS, radiusOf, setRadius } from "./resize";

const SIDE = 48;
let bench: Bench;
const key = (name: string) => ({ key: name, shiftKey: false });
const square = new Uint8Array(SIDE * SIDE).map((_, place) =>
  place % SIDE >= 20 && place % SIDE < 28 && place >= 20 * SIDE && place < 28 * SIDE ? 1 : 0,
);

beforeEach(async () => {
  bench = await makeBench({ columns: SIDE, rows: SIDE });
  put(bench.editor, square);
  bench.editor.chooseTool("brush");
  bench.editor.chooseTool("resize");
});
afterEach(() => bench.editor.close());

describe("growing and shrinking by a radius", () => {
  it("shows what is going to be, and does it with Enter as one event", async () => {
    const { editor, sent, mask } = bench;
    const { resize } = editor.tools;
    setRadius(editor, 7);
    expect(resize.overlay?.(editor, null)).toEqual([
      expect.objectContaining({ kind: "edges", edges: edgesOf(grow(square, SIDE, SIDE, 7), SIDE, SIDE) }),
    ]);
    expect(mask()).toEqual(square);
    expect(resize.key?.(editor, key("Enter"))).toBe(true);
    expect(mask()).toEqual(grow(square, SIDE, SIDE, 7));
    expect(editor.state.tool).toBe("brush");
    await editor.idle();
    expect(sent.map((body) => body.kind === "edit" && body.payload.tool)).toEqual(["test", "grow"]);
    editor.undo();
    expect(mask()).toEqual(square);
  });

  it("goes from growing to shrinking and back by plus, minus and drags, within 20 pixels", async () => {
    const { editor, mask } = bench;
    const { resize } = editor.tools;
    setRadius(editor, 2);
    for (const _ of [1, 2]) resize.key?.(editor, key("-"));
    expect(radiusOf(editor).by).toBe(-1);
    resize.key?.(editor, key("+"));
    expect(radiusOf(editor).by).toBe(1);
    drag(editor, resize, at(10, 10), at(13, 10));
    expect(radiusOf(editor).by).toBe(4);
    drag(editor, resize, at(10, 10), at(60, 10));
    expect(radiusOf(editor).by).toBe(MOST_PIXELS);
    setRadius(editor, -3);
    resize.finish?.(editor, false);
    expect(mask()).toEqual(shrink(square, SIDE, SIDE, 3));
  });

  it("is given up by Escape, and stays where nothing would be left", async () => {
    const { editor, sent } = bench;
    const { resize } = editor.tools;
    setRadius(editor, -10);
    resize.key?.(editor, key("Enter"));
    expect(editor.state.notice?.code).toBe("nothing_left");
    expect(editor.state.tool).toBe("resize");
    resize.key?.(editor, key("Escape"));
    expect(editor.state.tool).toBe("brush");
    editor.goTo(1);
    editor.chooseTool("resize");
    expect(editor.state.notice?.code).toBe("no_mask_here");
    expect(resize.overlay?.(editor, null)).toEqual([]);
    await editor.idle();
    expect(sent).toHaveLength(1);
  });

  it("goes by millimetres where the cine is calibrated in the patient, and only there", () => {
    const { editor, mask } = bench;
    setOptions(editor, { resizeUnit: "mm" });
    expect(radiusOf(editor).unit).toBe("px");
    Object.assign(editor.cine.display, { pixel_spacing_mm: [0.5, 0.25], spacing_is_detector: true });
    expect(radiusOf(editor).unit).toBe("px");
    Object.assign(editor.cine.display, { spacing_is_detector: false });
    setRadius(editor, 1);
    expect(radiusOf(editor)).toMatchObject({ by: 1, unit: "mm", most: 5 });
    editor.tools.resize.key?.(editor, key("Enter"));
    expect(mask()).toEqual(grow(square, SIDE, SIDE, 1, [0.25, 0.5]));
    expect(areaOf(mask())).toBeGreaterThan(14 * 10);
  });
});

it("the edges of a mask are its border, those in a row as one line", () => {
  expect(edgesOf(Uint8Array.from([0, 1, 1]), 3, 1)).toEqual([1, 0, 3, 0, 1, 1, 3, 1, 1, 0, 1, 1, 3, 0, 3, 1]);
});
