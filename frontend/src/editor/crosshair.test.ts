import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Bench, makeBench } from "../testing/editor";
import { areaOf } from "../testing/masks";
import { actionOf } from "./actions";
import { describeFrame } from "./actions/help";
import type { Viewport } from "./viewport";

const SIDE = 40;
let bench: Bench;

function press(
  key: string,
  change: { shiftKey?: boolean; altKey?: boolean; ctrlKey?: boolean; repeat?: boolean } = {},
) {
  const none = { shiftKey: false, altKey: false, ctrlKey: false, metaKey: false };
  return bench.editor.crosshair.key({ key, ...none, ...change });
}
function arrows(key: string, far: number, near = 0) {
  for (let step = 0; step < far; step++) press(key, { shiftKey: true });
  for (let step = 0; step < near; step++) press(key);
}
const toggle = () => actionOf("crosshair").perform(bench.editor);

beforeEach(async () => {
  bench = await makeBench({ columns: SIDE, rows: SIDE });
});
afterEach(() => bench.editor.close());

describe("the crosshair", () => {
  it("takes no key before it is shown, and stays within the image", () => {
    const { editor } = bench;
    expect(press("ArrowLeft")).toBe(false);
    toggle();
    expect(editor.crosshair.at).toEqual({ x: 20.5, y: 20.5 });
    expect(press("ArrowLeft", { ctrlKey: true })).toBe(false);
    expect(press("Home")).toBe(false);
    arrows("ArrowLeft", 1, 3);
    arrows("ArrowDown", 9);
    expect(editor.crosshair.at).toEqual({ x: 7.5, y: 39.5 });
    arrows("ArrowUp", 9);
    expect(editor.crosshair.at).toEqual({ x: 7.5, y: 0.5 });
    expect(editor.state.frameIndex).toBe(0);
    expect(press("Escape")).toBe(true);
    expect(editor.crosshair.at).toBeNull();
  });

  it("says where it is when it comes and when asked", () => {
    const { editor } = bench;
    toggle();
    expect(editor.state.said.text).toContain("column 21, row 21");
    press("ArrowRight");
    expect(describeFrame(editor)).toContain("crosshair at column 22, row 21");
  });

  it("moves as the screen lies, not as the image does", () => {
    const { editor } = bench;
    const turned: Partial<Viewport> = {
      pointedAt: () => ({ x: 10, y: 10, clientX: 0, clientY: 0 }),
      toImage: ({ clientX, clientY }) => ({ x: clientY, y: -clientX }),
      toPage: (x, y) => ({ x: -y, y: x }),
      reveal: () => undefined,
    };
    editor.viewport = turned as Viewport;
    toggle();
    press("ArrowRight");
    press("ArrowDown", { shiftKey: true });
    expect(editor.crosshair.at).toEqual({ x: 20.5, y: 9.5 });
  });
});

describe("Enter at the crosshair", () => {
  it("sets a point by one press, a negative one with Alt", async () => {
    const { editor, sent } = bench;
    toggle();
    press("Enter");
    press("Enter", { repeat: true });
    press("ArrowRight");
    press("Enter", { altKey: true });
    await editor.idle();
    expect(sent.map((body) => body.kind === "prompt" && body.payload.points)).toEqual([
      [{ x: 20.5, y: 20.5, positive: true }],
      [{ x: 21.5, y: 20.5, positive: false }],
    ]);
  });

  it("begins and ends a box and a line", async () => {
    const { editor, sent } = bench;
    toggle();
    editor.chooseTool("box");
    press("Enter");
    expect(editor.crosshair.isPressed).toBe(true);
    arrows("ArrowRight", 1);
    arrows("ArrowDown", 0, 5);
    press("Enter");
    editor.chooseTool("line");
    press("Enter");
    arrows("ArrowLeft", 1);
    press("Enter");
    await editor.idle();
    expect(sent.map((body) => body.kind === "prompt" && (body.payload.box ?? body.payload.line))).toEqual([
      [20.5, 20.5, 30.5, 25.5],
      [30.5, 25.5, 20.5, 25.5],
    ]);
  });

  it("draws with brush and lasso, and gives a stroke up with Escape before it leaves", async () => {
    const { editor, sent, mask } = bench;
    editor.set({ brushRadius: 2 });
    editor.chooseTool("brush");
    toggle();
    press("Enter");
    arrows("ArrowRight", 1);
    press("Escape");
    expect(editor.draft).toBeNull();
    expect(editor.crosshair.at).not.toBeNull();
    press("Enter");
    arrows("ArrowLeft", 1);
    press("Enter");
    const drawn = areaOf(mask());
    expect(drawn).toBeGreaterThan(40);
    editor.chooseTool("lasso");
    press("Enter");
    for (const key of ["ArrowDown", "ArrowLeft", "ArrowUp"]) arrows(key, 1);
    press("Enter");
    expect(areaOf(mask())).toBeGreaterThan(drawn + 60);
    await editor.idle();
    expect(sent).toHaveLength(2);
  });

  it("sets the corners of a polygon; twice at one place ends it, Escape gives it up", async () => {
    const { editor, sent, mask } = bench;
    editor.chooseTool("polygon");
    toggle();
    const corners = () => {
      press("Enter");
      for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft"]) {
        arrows(key, 1);
        press("Enter");
      }
    };
    corners();
    press("Escape");
    expect(editor.tools.polygon.overlay?.(editor, null)).toEqual([]);
    expect(editor.crosshair.at).not.toBeNull();
    arrows("ArrowUp", 1);
    corners();
    press("Enter");
    expect(areaOf(mask())).toBe(100);
    await editor.idle();
    expect(sent).toHaveLength(1);
  });

  it("does not go on with another tool, on another frame or after the crosshair is put away", async () => {
    const { editor, sent } = bench;
    editor.chooseTool("brush");
    toggle();
    press("Enter");
    editor.chooseTool("eraser");
    expect(editor.draft).toBeNull();
    press("Enter");
    editor.goTo(3);
    expect(editor.crosshair.isPressed).toBe(false);
    press("Enter");
    toggle();
    expect([editor.draft, editor.crosshair.at]).toEqual([null, null]);
    await editor.idle();
    expect(sent).toHaveLength(0);
  });
});
