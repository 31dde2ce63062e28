/** Box and line: a drag from one place to another is a prompt, cut to the image. */

import type { Editor } from "../editor";
import type { Place } from "../geometry/path";
import { boxShape, type Shape } from "../shapes";
import { clamped, type Tool, WHITE } from "./tool";

/** In image pixels; what is shorter is a twitch of the hand. */
const SHORTEST = 2;

interface Kind {
  /** Whether the drag is long enough to be meant. */
  isMeant(from: Place, to: Place): boolean;
  commit(editor: Editor, from: Place, to: Place): void;
  shape(from: Place, to: Place): Shape;
}

function dragTool({ isMeant, commit, shape }: Kind): Tool {
  let from: Place | null = null;
  let to: Place | null = null;
  const end = (editor: Editor) => {
    [from, to] = [null, null];
    editor.repaint();
  };
  return {
    down: (editor, point) => {
      from = clamped(editor, point);
    },
    move: (editor, point) => {
      if (!from) return;
      to = clamped(editor, point);
      editor.repaint();
    },
    up: (editor) => {
      if (from && to && isMeant(from, to)) commit(editor, from, to);
      end(editor);
    },
    cancel: end,
    overlay: () => (from && to ? [shape(from, to)] : []),
  };
}

const cornersOf = (from: Place, to: Place): [number, number, number, number] => [
  Math.min(from.x, to.x),
  Math.min(from.y, to.y),
  Math.max(from.x, to.x),
  Math.max(from.y, to.y),
];

export function boxTool(): Tool {
  return dragTool({
    isMeant: (from, to) => Math.abs(to.x - from.x) >= SHORTEST && Math.abs(to.y - from.y) >= SHORTEST,
    commit: (editor, from, to) => editor.addBox(cornersOf(from, to)),
    shape: (from, to) => boxShape(cornersOf(from, to), WHITE),
  });
}

/** Along the longest diameter of a structure; the server reads it as a box around it. */
export function lineTool(): Tool {
  return dragTool({
    isMeant: (from, to) => Math.hypot(to.x - from.x, to.y - from.y) >= SHORTEST,
    commit: (editor, from, to) => editor.addLine([from.x, from.y, to.x, to.y]),
    shape: (from, to) => ({ kind: "caliper", from, to, colour: WHITE }),
  });
}
