/** Dragging along the longest diameter of a structure draws a line prompt, which the server reads as a box around it. */

import { clamped, type Tool, type ToolPoint } from "./tool";

/** In image pixels; shorter ones are a twitch of the hand. */
const SHORTEST = 2;

export function lineTool(): Tool {
  let start: ToolPoint | null = null;
  return {
    down: (_editor, point) => {
      start = point;
    },
    move: (editor, point) => {
      if (!start) return;
      const [from, to] = [clamped(editor, start), clamped(editor, point)];
      editor.dragLine = [from.x, from.y, to.x, to.y];
      editor.repaint();
    },
    up: (editor) => {
      const line = editor.dragLine;
      start = null;
      editor.dragLine = null;
      if (line && Math.hypot(line[2] - line[0], line[3] - line[1]) >= SHORTEST) {
        editor.addLine(line);
      } else editor.repaint();
    },
    cancel: (editor) => {
      start = null;
      editor.dragLine = null;
      editor.repaint();
    },
  };
}
