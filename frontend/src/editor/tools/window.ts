/** Dragging changes the window: sideways its width, up and down its level. */

import type { Tool, ToolPoint } from "./tool";

export function windowTool(): Tool {
  let last: ToolPoint | null = null;
  return {
    down: (_editor, point) => {
      last = point;
    },
    move: (editor, point) => {
      if (!last) return;
      editor.nudgeWindow(point.screenX - last.screenX, last.screenY - point.screenY);
      last = point;
    },
    up: () => {
      last = null;
    },
    cancel: () => {
      last = null;
    },
  };
}
