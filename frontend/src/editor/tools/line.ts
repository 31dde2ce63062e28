/** Dragging along the longest diameter of a structure draws a line prompt, which the server reads as a box around it. */

import type { Line } from "../types";
import type { Tool, ToolPoint } from "./tool";

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
      const { columns, rows } = editor.cine;
      const x = (value: number) => Math.min(Math.max(value, 0), columns);
      const y = (value: number) => Math.min(Math.max(value, 0), rows);
      editor.dragLine = [x(start.x), y(start.y), x(point.x), y(point.y)];
      editor.repaint();
    },
    up: (editor) => {
      const line = editor.dragLine;
      start = null;
      editor.dragLine = null;
      if (line && Math.hypot(line[2] - line[0], line[3] - line[1]) >= SHORTEST) {
        editor.addLine(line.map((value) => Math.round(value * 100) / 100) as Line);
      } else editor.repaint();
    },
    cancel: (editor) => {
      start = null;
      editor.dragLine = null;
      editor.repaint();
    },
  };
}
