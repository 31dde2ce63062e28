/** Brush and eraser: they draw on a copy of the mask, which is committed on release. */

import { stampStroke } from "../paint";
import { radiusAt, type Tool, type ToolPoint } from "./tool";

export function brushTool(paints: boolean): Tool {
  let last: ToolPoint | null = null;
  let value: 0 | 1 = 1;
  return {
    down: (editor, point) => {
      value = paints !== point.alt ? 1 : 0;
      const draft = editor.startDraft();
      if (!draft) return;
      last = point;
      const { columns, rows } = editor.cine;
      stampStroke(draft.bitmap, columns, rows, point, point, radiusAt(editor, point), value);
      editor.repaint();
    },
    move: (editor, point) => {
      if (!last || !editor.draft) return;
      const { columns, rows } = editor.cine;
      stampStroke(editor.draft.bitmap, columns, rows, last, point, radiusAt(editor, point), value);
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
  };
}
