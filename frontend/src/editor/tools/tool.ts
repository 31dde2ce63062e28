/** A tool is a small state machine over pointer positions in image pixels; it commits on release. */

import type { Editor } from "../editor";
import type { Place } from "../geometry/path";
import type { Shape } from "../shapes";
import type { ToolId } from "../state";

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

/** A key that a tool may take before the actions do. */
export interface ToolKey {
  key: string;
  shiftKey: boolean;
}

export interface Tool {
  down(editor: Editor, point: ToolPoint): void;
  move(editor: Editor, point: ToolPoint): void;
  up(editor: Editor, point: ToolPoint): void;
  /** Whether it works by clicks: pressed and released at one place. */
  clicks?: boolean;
  /** Give up what is being dragged. */
  cancel(editor: Editor): void;
  /** The pointer moves while no button is held. */
  hover?(editor: Editor, point: ToolPoint): void;
  /** A double click. */
  finish?(editor: Editor, shift: boolean): void;
  /** A key while the tool is chosen; returns whether the tool has taken it. */
  key?(editor: Editor, key: ToolKey): boolean;
  /** The wheel turns with Shift held: 1 away from the reader, -1 towards. */
  wheel?(editor: Editor, turn: number): void;
  /** It has been chosen in place of another tool. */
  chosen?(editor: Editor, instead: ToolId): void;
  /** Give up what several clicks have begun: another tool is chosen. */
  drop?(editor: Editor): void;
  overlay?(editor: Editor, hover: Place | null): Shape[];
}

export function isInside(editor: Editor, point: { x: number; y: number }): boolean {
  return point.x >= 0 && point.y >= 0 && point.x <= editor.cine.columns && point.y <= editor.cine.rows;
}

export function clamped(editor: Editor, point: Place): Place {
  const { columns, rows } = editor.cine;
  return { x: Math.min(Math.max(point.x, 0), columns), y: Math.min(Math.max(point.y, 0), rows) };
}

export const WHITE = "#ffffff";

export function colourOf(editor: Editor): string {
  return editor.label?.colour ?? WHITE;
}

/** The radius of the brush in image pixels; a pen makes it a third when it barely touches, 5/3 when fully pressed. */
export function radiusAt(editor: Editor, point: ToolPoint): number {
  const { brushRadius } = editor.state;
  return point.pressure === undefined ? brushRadius : (brushRadius * (1 + 4 * point.pressure)) / 3;
}
