/** Dragging draws a box prompt, cut to the image. */

import type { Box } from "../types";
import type { Tool, ToolPoint } from "./tool";

const LEAST_SIDE = 2;

export function boxTool(): Tool {
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
      editor.dragBox = [
        x(Math.min(start.x, point.x)),
        y(Math.min(start.y, point.y)),
        x(Math.max(start.x, point.x)),
        y(Math.max(start.y, point.y)),
      ];
      editor.repaint();
    },
    up: (editor) => {
      const box = editor.dragBox;
      start = null;
      editor.dragBox = null;
      if (box && box[2] - box[0] >= LEAST_SIDE && box[3] - box[1] >= LEAST_SIDE) {
        editor.addBox(box.map((value) => Math.round(value * 100) / 100) as Box);
      } else editor.repaint();
    },
    cancel: (editor) => {
      start = null;
      editor.dragBox = null;
      editor.repaint();
    },
  };
}
