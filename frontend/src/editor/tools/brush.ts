/** Brush and eraser: they draw on a copy of the mask, which is committed on release. */

import type { Editor } from "../editor";
import type { Place } from "../geometry/path";
import { greyOf } from "../grey";
import { type Stamp, stampStroke } from "../paint";
import type { Shape } from "../shapes";
import { resizeBrush } from "./options";
import { colourOf, radiusAt, type Tool, type ToolPoint, WHITE } from "./tool";

const WHEEL_FACTOR = 1.15;

export function brushTool(paints: boolean): Tool {
  let last: ToolPoint | null = null;
  let value: 0 | 1 = 1;
  let stamp: Stamp = {};
  return {
    down: (editor, point) => {
      value = paints !== point.alt ? 1 : 0;
      const found = stampOf(editor, point);
      const draft = found && editor.startDraft();
      if (!draft) return;
      stamp = found;
      last = point;
      const { columns, rows } = editor.cine;
      stampStroke(draft.bitmap, columns, rows, point, point, radiusAt(editor, point), value, stamp);
      editor.repaint();
    },
    move: (editor, point) => {
      if (!last || !editor.draft) return;
      const { columns, rows } = editor.cine;
      stampStroke(editor.draft.bitmap, columns, rows, last, point, radiusAt(editor, point), value, stamp);
      last = point;
      editor.repaint();
    },
    up: (editor) => {
      if (last) editor.commitDraft(value ? "brush" : "eraser");
      last = null;
    },
    cancel: (editor) => {
      last = null;
      editor.draft = null;
      editor.repaint();
    },
    wheel: (editor, turn) => resizeBrush(editor, WHEEL_FACTOR ** turn),
    overlay: (editor, hover) => (hover ? [cursor(editor, hover, paints)] : []),
  };
}

function cursor(editor: Editor, at: Place, paints: boolean): Shape {
  const { brushRadius: radius, options } = editor.state;
  const colour = paints ? colourOf(editor) : WHITE;
  if (options.brushShape === "round") return { kind: "circle", at, radius, colour };
  const corner = (x: number, y: number) => ({ x: at.x + x * radius, y: at.y + y * radius });
  const points = [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
  return { kind: "line", points, closed: true, colour };
}

/** How a stroke that begins here draws, or null while the frame that it goes by is not there. */
function stampOf(editor: Editor, start: Place): Stamp | null {
  const { brushShape, limit, tolerance, range } = editor.state.options;
  const square = brushShape === "square";
  if (limit === "none") return { square };
  const frame = editor.frames.get(editor.state.frameIndex);
  if (!frame) {
    editor.notify("frame_not_loaded", "The frame is still being loaded; its grey values limit the brush.");
    return null;
  }
  const grey = greyOf(frame, editor.cine);
  const { columns, rows } = editor.cine;
  const middle = limit === "around" ? medianAround(grey, columns, rows, start) : 0;
  const [low, high] = limit === "around" ? [middle - tolerance, middle + tolerance] : range;
  return {
    square,
    allows: (place) => {
      const here = grey[place] ?? Number.NaN;
      return here >= low && here <= high;
    },
  };
}

/** The median of 3 x 3 pixels: where a stroke begins, a single noisy pixel should not decide. */
function medianAround(grey: Float32Array, columns: number, rows: number, at: Place): number {
  const x = Math.min(Math.max(Math.floor(at.x), 0), columns - 1);
  const y = Math.min(Math.max(Math.floor(at.y), 0), rows - 1);
  const values: number[] = [];
  for (let v = Math.max(0, y - 1); v <= Math.min(rows - 1, y + 1); v++) {
    for (let u = Math.max(0, x - 1); u <= Math.min(columns - 1, x + 1); u++)
      values.push(grey[v * columns + u] ?? 0);
  }
  values.sort((a, b) => a - b);
  return values[values.length >> 1] ?? 0;
}
