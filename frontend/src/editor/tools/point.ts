/** A click is a point prompt: positive, or negative with the other tool or while Alt is held. */

import type { Tool } from "./tool";
import { isInside } from "./tool";

export function pointTool(positive: boolean): Tool {
  let isDown = false;
  return {
    clicks: true,
    down: () => {
      isDown = true;
    },
    move: () => undefined,
    up: (editor, point) => {
      if (isDown && isInside(editor, point)) {
        editor.addPoint({ x: point.x, y: point.y, positive: point.alt ? !positive : positive });
      }
      isDown = false;
    },
    cancel: () => {
      isDown = false;
    },
  };
}
