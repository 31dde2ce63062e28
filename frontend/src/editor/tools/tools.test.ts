import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, type Bench, drag, makeBench, put } from "../../testing/editor";
import { areaOf, iou, randomOf, TREE_SIDE, treeBranches, treeMask, treePicture } from "../../testing/masks";
import { setOptions } from "./options";

const SIDE = 32;
let bench: Bench;

afterEach(() => bench.editor.close());

const has = (mask: Uint8Array, x: number, y: number) => mask[y * SIDE + x] === 1;
const key = (name: string, shiftKey = false) => ({ key: name, shiftKey });

describe("tools that draw", () => {
  beforeEach(async () => {
    // The left half is dark, the right half bright.
    const pixels = Uint8Array.from({ length: SIDE * SIDE }, (_, place) => (place % SIDE < 16 ? 40 : 200));
    bench = await makeBench({ columns: SIDE, rows: SIDE, pixels });
  });

  it("lasso: adds what is inside, takes it away with Alt, and is one event each", async () => {
    const { editor, sent, mask } = bench;
    drag(editor, editor.tools.lasso, at(4, 4), at(12, 4), at(12, 12), at(4, 12));
    expect(areaOf(mask())).toBe(64);
    const alt = { alt: true };
    drag(editor, editor.tools.lasso, at(4, 4, alt), at(8, 4, alt), at(8, 12, alt), at(4, 12, alt));
    expect(areaOf(mask())).toBe(32);
    expect(has(mask(), 5, 6)).toBe(false);
    drag(editor, editor.tools.lasso, at(20, 20));
    await editor.idle();
    expect(sent.map((body) => body.kind === "edit" && body.payload.tool)).toEqual(["lasso", "lasso-remove"]);
    expect(editor.draft).toBeNull();
  });

  it("polygon: closes by Enter, double click or a click on the first corner; goes back and gives up", async () => {
    const { editor, sent, mask } = bench;
    const { polygon } = editor.tools;
    const click = (x: number, y: number) => drag(editor, polygon, at(x, y));
    for (const [x, y] of [
      [2, 2],
      [10, 2],
      [20, 20],
      [10, 10],
      [2, 10],
    ] as const) {
      click(x, y);
      if (x === 20) expect(polygon.key?.(editor, key("Backspace"))).toBe(true);
    }
    expect(sent).toHaveLength(0);
    expect(polygon.key?.(editor, key("Enter"))).toBe(true);
    expect(areaOf(mask())).toBe(64);
    expect(polygon.key?.(editor, key("Enter"))).toBe(false);

    for (const [x, y] of [
      [20, 20],
      [24, 20],
      [24, 24],
      [20, 24],
    ] as const)
      click(x, y);
    click(20, 24);
    polygon.finish?.(editor, false);
    for (const [x, y] of [
      [26, 26],
      [30, 26],
      [30, 30],
      [26, 26],
    ] as const)
      click(x, y);
    expect(areaOf(mask())).toBe(64 + 16 + 10);

    for (const [x, y] of [
      [2, 2],
      [10, 2],
      [10, 10],
    ] as const)
      click(x, y);
    expect(polygon.overlay?.(editor, null)).not.toEqual([]);
    expect(polygon.key?.(editor, key("Escape"))).toBe(true);
    expect(polygon.overlay?.(editor, null)).toEqual([]);
    await editor.idle();
    expect(sent).toHaveLength(3);
  });

  it("polygon: belongs to its frame, and is given up with another tool but not for a look about", () => {
    const { editor, mask } = bench;
    const { polygon } = editor.tools;
    editor.chooseTool("polygon");
    for (const [x, y] of [
      [2, 2],
      [10, 2],
      [10, 10],
    ] as const)
      drag(editor, polygon, at(x, y));
    editor.goTo(3);
    expect(polygon.overlay?.(editor, null)).toEqual([]);
    polygon.key?.(editor, key("Enter"));
    expect(editor.state.frameIndex).toBe(0);
    expect(areaOf(mask())).toBe(0);
    editor.chooseTool("window");
    editor.chooseTool("polygon");
    expect(polygon.overlay?.(editor, null)).not.toEqual([]);
    editor.chooseTool("brush");
    expect(polygon.overlay?.(editor, null)).toEqual([]);
  });

  it("polygon: two corners enclose nothing, and say so", () => {
    const { editor } = bench;
    for (const [x, y] of [
      [2, 2],
      [10, 2],
    ] as const)
      drag(editor, editor.tools.polygon, at(x, y));
    editor.tools.polygon.key?.(editor, key("Enter"));
    expect(editor.state.notice?.code).toBe("polygon_not_closed");
  });

  it("brush: round or square, sized by the wheel", () => {
    const { editor, mask } = bench;
    editor.set({ brushRadius: 4 });
    drag(editor, editor.tools.brush, at(10, 10));
    expect(has(mask(), 6, 6)).toBe(false);
    setOptions(editor, { brushShape: "square" });
    drag(editor, editor.tools.brush, at(10, 10));
    expect(areaOf(mask())).toBe(64);
    drag(editor, editor.tools.eraser, at(10, 10), at(20, 20));
    expect(areaOf(mask())).toBe(0);
    editor.tools.brush.wheel?.(editor, 1);
    expect(editor.state.brushRadius).toBeGreaterThan(4);
    editor.tools.brush.wheel?.(editor, -1);
    expect(editor.state.brushRadius).toBe(4);
  });

  it("brush: paints only what is like the first pixel, or within a range", () => {
    const { editor, mask } = bench;
    editor.set({ brushRadius: 6 });
    setOptions(editor, { limit: "around", tolerance: 30 });
    drag(editor, editor.tools.brush, at(14, 10), at(20, 10));
    expect(areaOf(mask())).toBeGreaterThan(60);
    expect(mask().every((bit, place) => !bit || place % SIDE < 16)).toBe(true);
    setOptions(editor, { limit: "range", range: [180, 255] });
    drag(editor, editor.tools.brush, at(14, 24), at(20, 24));
    expect(has(mask(), 20, 24)).toBe(true);
    expect(has(mask(), 14, 24)).toBe(false);
  });

  it("move: shifts the mask by whole pixels, in one event, and not without a mask", async () => {
    const { editor, sent, mask } = bench;
    drag(editor, editor.tools.move, at(10, 10), at(12, 10));
    expect(editor.state.notice?.code).toBe("no_mask_here");
    drag(editor, editor.tools.lasso, at(4, 4), at(8, 4), at(8, 8), at(4, 8));
    drag(editor, editor.tools.move, at(5, 5), at(9, 9), at(15.2, 8.1));
    expect(areaOf(mask())).toBe(16);
    expect(has(mask(), 14, 7)).toBe(true);
    drag(editor, editor.tools.move, at(5, 5), at(5, 5));
    await editor.idle();
    expect(sent).toHaveLength(2);
  });

  it("warp: pulls the mask near the pointer, and cancelling leaves it as it was", () => {
    const { editor, mask } = bench;
    const band = new Uint8Array(SIDE * SIDE).fill(1, 15 * SIDE, 17 * SIDE);
    put(editor, band);
    editor.set({ brushRadius: 4 });
    editor.tools.warp.down(editor, at(16, 16));
    editor.tools.warp.move(editor, at(16, 19));
    editor.tools.warp.cancel(editor);
    expect(mask()).toEqual(band);
    drag(editor, editor.tools.warp, at(16, 16), at(16, 19));
    expect(has(mask(), 16, 18)).toBe(true);
    expect(has(mask(), 1, 15)).toBe(true);
  });

  it("split: the smaller part becomes the other label, with Alt the larger, in one event", async () => {
    const { editor, sent, mask } = bench;
    const band = new Uint8Array(SIDE * SIDE).fill(1, 15 * SIDE, 17 * SIDE);
    put(editor, band);
    drag(editor, editor.tools.split, at(8, 10), at(8, 22));
    expect(has(mask(1), 4, 15)).toBe(false);
    expect(has(mask(2), 4, 15)).toBe(true);
    expect(areaOf(mask(1)) + areaOf(mask(2))).toBe(64);
    expect(areaOf(mask(1))).toBeGreaterThan(40);
    await editor.idle();
    expect(sent).toHaveLength(2);
    put(editor, band);
    setOptions(editor, { otherLabel: "stent" });
    drag(editor, editor.tools.split, at(8, 10, { alt: true }), at(8, 22, { alt: true }));
    expect(areaOf(mask(3))).toBeGreaterThan(40);
    drag(editor, editor.tools.split, at(2, 2), at(3, 3));
    expect(editor.state.notice?.code).toBe("not_divided");
  });
});

describe("tools that prompt", () => {
  beforeEach(async () => {
    const picture = Uint8Array.from(treePicture(randomOf(21), 5));
    bench = await makeBench({ columns: TREE_SIDE, rows: TREE_SIDE, pixels: picture });
  });

  it("scribble: spaced points of the stroke are one prompt, negative with Alt, within the image", async () => {
    const { editor, sent } = bench;
    drag(editor, editor.tools.scribble, at(10, 10), at(40, 10), at(70, 10), at(300, 10));
    const alt = { alt: true };
    drag(editor, editor.tools.scribble, at(10, 50, alt), at(11, 50, alt));
    await editor.idle();
    const points = sent.map((body) => (body.kind === "prompt" ? body.payload.points : []));
    expect(points).toHaveLength(2);
    expect(points[0]?.length).toBeGreaterThan(15);
    expect(points[0]?.length).toBeLessThanOrEqual(32);
    expect(points[0]?.every((point) => point.positive && point.x <= TREE_SIDE)).toBe(true);
    expect(points[1]?.every((point) => !point.positive)).toBe(true);
  });

  const branch = treeBranches()[0] ?? [];
  const clicks = [branch[8], branch[100], branch[185]].flatMap((point) =>
    point ? [at(point.x + 1.5, point.y - 1)] : [],
  );

  it("centreline: follows the vessel between clicks; its points are one prompt on the vessel", async () => {
    const { editor, sent } = bench;
    const { centreline } = editor.tools;
    for (const point of clicks) {
      centreline.hover?.(editor, point);
      drag(editor, centreline, point);
    }
    expect(centreline.key?.(editor, key("Enter"))).toBe(true);
    expect(centreline.key?.(editor, key("Enter"))).toBe(false);
    await editor.idle();
    const [body] = sent;
    if (body?.kind !== "prompt") throw new Error("no prompt was sent");
    expect(body.payload.points.length).toBeGreaterThan(10);
    const truth = treeMask();
    const inside = body.payload.points.filter(
      ({ x, y }) => truth[Math.floor(y) * TREE_SIDE + Math.floor(x)] === 1,
    );
    expect(inside.length).toBe(body.payload.points.length);
  });

  it("centreline: with Shift a mask as wide as the vessel is drawn", () => {
    const { editor, mask } = bench;
    const { centreline } = editor.tools;
    for (const point of clicks) drag(editor, centreline, point);
    drag(editor, centreline, clicks.at(-1) ?? at(0, 0));
    centreline.finish?.(editor, true);
    const truth = treeMask([branch.slice(8, 186)]);
    expect(iou(mask(), truth)).toBeGreaterThan(0.75);
    setOptions(editor, { centreline: "mask" });
    editor.clearMask();
    for (const point of clicks) drag(editor, centreline, point);
    centreline.key?.(editor, key("Enter"));
    expect(iou(mask(), truth)).toBeGreaterThan(0.75);
  });

  it("centreline: goes back click by click, and is given up by Escape", async () => {
    const { editor, sent } = bench;
    const { centreline } = editor.tools;
    for (const point of clicks) drag(editor, centreline, point);
    for (let step = 0; step < 3; step++) expect(centreline.key?.(editor, key("Backspace"))).toBe(true);
    expect(centreline.key?.(editor, key("Backspace"))).toBe(false);
    for (const point of clicks) drag(editor, centreline, point);
    expect(centreline.key?.(editor, key("Escape"))).toBe(true);
    expect(centreline.key?.(editor, key("Enter"))).toBe(false);
    centreline.finish?.(editor, false);
    await editor.idle();
    expect(sent).toHaveLength(0);
  });
});
