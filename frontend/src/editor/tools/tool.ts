/** A tool is a small state machine over pointer positions in image pixels; it commits on release. */

import type { Editor } from "../editor";

export interface ToolPoint {
  /** Image pixels, the upper left corner of the image being (0, 0). */
  x: number;
  y: number;
  /** Screen pixels. */
  screenX: number;
  screenY: number;
  alt: boolean;
  /** 0 to 1, of a pen; without one there is none. */
  pressure?: number;
}

export interface Tool {
  down(editor: Editor, point: ToolPoint): void;
  move(editor: Editor, point: ToolPoint): void;
  up(editor: Editor, point: ToolPoint): void;
  cancel(editor: Editor): void;
}

export function isInside(editor: Editor, point: { x: number; y: number }): boolean {
  return point.x >= 0 && point.y >= 0 && point.x <= editor.cine.columns && point.y <= editor.cine.rows;
}

/** The radius of the brush in image pixels; a pen makes it a third when it barely touches, 5/3 when fully pressed. */
export function radiusAt(editor: Editor, point: ToolPoint): number {
  const { brushRadius } = editor.state;
  return point.pressure === undefined ? brushRadius : (brushRadius * (1 + 4 * point.pressure)) / 3;
}
