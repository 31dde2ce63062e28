/** Dragging draws a box prompt, cut to the image. */

import { clamped, type Tool, type ToolPoint } from "./tool";

const LEAST_SIDE = 2;

export function boxTool(): Tool {
  let start: ToolPoint | null = null;
  return {
    down: (_editor, point) => {
      start = point;
    },
    move: (editor, point) => {
      if (!start) return;
      const [from, to] = [clamped(editor, start), clamped(editor, point)];
      editor.dragBox = [
        Math.min(from.x, to.x),
        Math.min(from.y, to.y),
        Math.max(from.x, to.x),
        Math.max(from.y, to.y),
      ];
      editor.repaint();
    },
    up: (editor) => {
      const box = editor.dragBox;
      start = null;
      editor.dragBox = null;
      if (box && box[2] - box[0] >= LEAST_SIDE && box[3] - box[1] >= LEAST_SIDE) {
        editor.addBox(box);
      } else editor.repaint();
    },
    cancel: (editor) => {
      start = null;
      editor.dragBox = null;
      editor.repaint();
    },
  };
}
