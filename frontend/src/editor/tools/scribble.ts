/** A stroke along a structure: evenly spaced points of it are one prompt, negative with Alt. */

import { type Place, spacedPoints } from "../geometry/path";
import { clamped, colourOf, type Tool, WHITE } from "./tool";

export const SPACING = 12;
export const MOST_POINTS = 32;

export function scribbleTool(): Tool {
  let line: Place[] = [];
  let positive = true;
  return {
    down: (editor, point) => {
      positive = !point.alt;
      line = [clamped(editor, point)];
    },
    move: (editor, point) => {
      if (!line.length) return;
      line.push(clamped(editor, point));
      editor.repaint();
    },
    up: (editor) => {
      const points = spacedPoints(line, SPACING, MOST_POINTS);
      line = [];
      editor.addPoints(points.map((point) => ({ ...point, positive })));
      editor.repaint();
    },
    cancel: (editor) => {
      line = [];
      editor.repaint();
    },
    overlay: (editor) => [
      { kind: "line", points: line, dashed: !positive, colour: positive ? colourOf(editor) : WHITE },
    ],
  };
}
