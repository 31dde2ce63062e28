/** A line drawn around what belongs to the mask; with Alt, around what does not. */

import type { Place } from "../geometry/path";
import { fillPolygon } from "../geometry/polygon";
import { colourOf, type Tool, WHITE } from "./tool";

export function lassoTool(): Tool {
  let line: Place[] = [];
  let adds = true;
  return {
    down: (editor, point) => {
      if (!editor.startDraft()) return;
      adds = !point.alt;
      line = [{ x: point.x, y: point.y }];
      editor.repaint();
    },
    move: (editor, point) => {
      if (!line.length) return;
      line.push({ x: point.x, y: point.y });
      editor.repaint();
    },
    up: (editor) => {
      const { columns, rows } = editor.cine;
      const { draft } = editor;
      const inside = draft && fillPolygon(draft.bitmap, columns, rows, line, adds ? 1 : 0);
      line = [];
      if (inside) editor.commitDraft(adds ? "lasso" : "lasso-remove");
      else editor.draft = null;
      editor.repaint();
    },
    cancel: (editor) => {
      line = [];
      editor.draft = null;
      editor.repaint();
    },
    overlay: (editor) =>
      line.length
        ? [
            {
              kind: "line",
              points: line,
              closed: true,
              dashed: !adds,
              colour: adds ? colourOf(editor) : WHITE,
            },
          ]
        : [],
  };
}
