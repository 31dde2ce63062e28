/** Drag the mask as a whole, or pull it along under the pointer. */

import type { Draft, Editor } from "../editor";
import { translate, Warp } from "../geometry/warp";
import { maskOrNotice } from "../maskwork";
import { resizeBrush } from "./options";
import { colourOf, type Tool, type ToolPoint } from "./tool";

const WHEEL_FACTOR = 1.15;

export function moveTool(): Tool {
  return draggingTool("move", (draft, editor, start) => {
    const original = draft.bitmap.slice();
    const { columns, rows } = editor.cine;
    return (point) => {
      const [dx, dy] = [Math.round(point.x - start.x), Math.round(point.y - start.y)];
      draft.bitmap.set(translate(original, columns, rows, dx, dy));
    };
  });
}

export function warpTool(): Tool {
  const tool = draggingTool("warp", (draft, editor, start) => {
    const warp = new Warp(draft.bitmap.slice(), editor.cine.columns, editor.cine.rows);
    let last = start;
    return (point) => {
      warp.pull(last, point, editor.state.brushRadius);
      last = point;
      draft.bitmap.set(warp.mask());
    };
  });
  return {
    ...tool,
    wheel: (editor, turn) => resizeBrush(editor, WHEEL_FACTOR ** turn),
    overlay: (editor, hover) =>
      hover
        ? [{ kind: "circle", at: hover, radius: editor.state.brushRadius, colour: colourOf(editor) }]
        : [],
  };
}

/** Drag the mask of the active label; `begin` returns what each further place of the pointer does to the draft. */
function draggingTool(
  name: string,
  begin: (draft: Draft, editor: Editor, start: ToolPoint) => (point: ToolPoint) => void,
): Tool {
  let drag: ((point: ToolPoint) => void) | null = null;
  let before: Uint8Array | null = null;
  return {
    down: (editor, point) => {
      before = maskOrNotice(editor);
      const draft = before && editor.startDraft();
      if (draft) drag = begin(draft, editor, point);
    },
    move: (editor, point) => {
      drag?.(point);
      editor.repaint();
    },
    up: (editor) => {
      const isChanged = editor.draft?.bitmap.some((bit, place) => bit !== before?.[place]);
      if (drag && isChanged) editor.commitDraft(name);
      else editor.draft = null;
      drag = null;
      editor.repaint();
    },
    cancel: (editor) => {
      drag = null;
      editor.draft = null;
      editor.repaint();
    },
  };
}
