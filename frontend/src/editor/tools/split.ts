/** A line drawn across the mask: the smaller part becomes the other label, with Alt the larger. */

import type { Place } from "../geometry/path";
import { splitLabel } from "../maskwork";
import { type Tool, WHITE } from "./tool";

export function splitTool(): Tool {
  let line: [Place, Place] | null = null;
  return {
    down: (editor, point) => {
      line = [point, point];
      editor.repaint();
    },
    move: (editor, point) => {
      if (line) line = [line[0], point];
      editor.repaint();
    },
    up: (editor, point) => {
      const drawn = line;
      line = null;
      if (drawn) splitLabel(editor, drawn[0], point, point.alt);
      editor.repaint();
    },
    cancel: (editor) => {
      line = null;
      editor.repaint();
    },
    overlay: () => (line ? [{ kind: "line", points: line, dashed: true, colour: WHITE }] : []),
  };
}
