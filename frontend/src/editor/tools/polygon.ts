/** Corners clicked around what belongs to the mask; with Alt at the first, around what does not. */

import type { Editor } from "../editor";
import type { Place } from "../geometry/path";
import { fillPolygon } from "../geometry/polygon";
import { colourOf, type Tool, type ToolPoint, WHITE } from "./tool";

/** Screen pixels within which a click is the same place again. */
const SAME = 6;

export function polygonTool(): Tool {
  let corners: ToolPoint[] = [];
  let frameIndex = 0;
  let adds = true;
  let hasAdded = false;

  const isNear = (a: ToolPoint | undefined, b: ToolPoint) =>
    a !== undefined && Math.hypot(a.screenX - b.screenX, a.screenY - b.screenY) < SAME;

  const clear = (editor: Editor) => {
    corners = [];
    editor.repaint();
  };

  const close = (editor: Editor) => {
    if (editor.state.frameIndex !== frameIndex) return editor.goTo(frameIndex);
    if (corners.length < 3) {
      editor.notify("polygon_not_closed", "A polygon has at least three corners.");
      return;
    }
    const draft = editor.startDraft();
    const { columns, rows } = editor.cine;
    const inside = draft && fillPolygon(draft.bitmap, columns, rows, corners, adds ? 1 : 0);
    if (inside) editor.commitDraft(adds ? "polygon" : "polygon-remove");
    else editor.draft = null;
    clear(editor);
  };

  return {
    clicks: true,
    down: (editor, point) => {
      if (corners.length && editor.state.frameIndex !== frameIndex) corners = [];
      hasAdded = false;
      if (corners.length >= 3 && isNear(corners[0], point)) return close(editor);
      if (isNear(corners.at(-1), point)) return;
      if (!corners.length) [frameIndex, adds] = [editor.state.frameIndex, !point.alt];
      corners.push(point);
      hasAdded = true;
      editor.repaint();
    },
    move: (editor, point) => {
      if (!hasAdded) return;
      corners[corners.length - 1] = point;
      editor.repaint();
    },
    up: () => {
      hasAdded = false;
    },
    cancel: (editor) => {
      if (hasAdded) corners.pop();
      hasAdded = false;
      editor.repaint();
    },
    hover: (editor) => {
      if (corners.length) editor.repaint();
    },
    finish: (editor) => {
      if (corners.length) close(editor);
    },
    key: (editor, { key }) => {
      if (!corners.length) return false;
      if (key === "Enter") close(editor);
      else if (key === "Escape") clear(editor);
      else if (key === "Backspace") {
        corners.pop();
        editor.repaint();
      } else return false;
      return true;
    },
    drop: clear,
    overlay: (editor, hover) => {
      if (!corners.length || editor.state.frameIndex !== frameIndex) return [];
      const colour = adds ? colourOf(editor) : WHITE;
      const points: Place[] = hover && !hasAdded ? [...corners, hover] : corners;
      return [
        { kind: "line", points, closed: points.length > 2, dashed: true, colour },
        { kind: "line", points: corners, colour },
        { kind: "dots", points: corners, colour },
      ];
    },
  };
}
