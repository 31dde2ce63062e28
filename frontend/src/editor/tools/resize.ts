/** Grow or shrink the mask by a radius that is seen before it is done: a drag, plus and minus, or the slider set it. */

import type { Editor } from "../editor";
import { edgesOf } from "../geometry/edges";
import { maskOrNotice, resizedMask, resizeMask } from "../maskwork";
import { spacingOf } from "../plates";
import type { ToolId } from "../state";
import { setOptions } from "./options";
import type { Tool, ToolPoint } from "./tool";
import { WHITE } from "./tool";

export const MOST_PIXELS = 20;
/** Screen pixels of a drag that make one step. */
const DRAG_STEP = 8;

export interface Radius {
  /** Below 0 it shrinks. */
  by: number;
  least: number;
  most: number;
  step: number;
  unit: "px" | "mm";
}

/** By how much the mask is going to grow or shrink, and between what that can be chosen. */
export function radiusOf({ cine, state }: Editor): Radius {
  const { resizePx, resizeMm, resizeUnit } = state.options;
  const spacing = spacingOf(cine.display);
  if (resizeUnit === "px" || !spacing)
    return { by: resizePx, least: 1, most: MOST_PIXELS, step: 1, unit: "px" };
  const step = 0.1;
  const inSteps = (length: number) => Math.round(length / step) * step;
  const least = Math.max(step, Math.ceil(Math.min(...spacing) / step) * step);
  const most = Math.max(least, inSteps(MOST_PIXELS * Math.min(...spacing)));
  return {
    by: Math.sign(resizeMm) * bounded(Math.abs(resizeMm), least, most),
    least,
    most,
    step,
    unit: "mm",
  };
}

function bounded(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** Choose by how much; what lies between growing and shrinking by the least is passed over. */
export function setRadius(editor: Editor, by: number): void {
  const { by: before, least, most, step, unit } = radiusOf(editor);
  const isTurned = Math.abs(by) < least - 1e-9;
  const sign = isTurned ? -Math.sign(before) : Math.sign(by);
  const size = bounded(Math.round(Math.abs(by) / step) * step, least, most);
  const value = Math.round(sign * size * 1000) / 1000;
  setOptions(editor, unit === "px" ? { resizePx: value } : { resizeMm: value });
}

export function resizeTool(): Tool {
  let before: ToolId = "positive";
  let drag: { x: number; by: number } | null = null;
  let made: { key: string; edges: number[] } | null = null;

  const leave = (editor: Editor) => editor.chooseTool(before);
  const commit = (editor: Editor) => {
    if (resizeMask(editor)) leave(editor);
  };

  return {
    chosen: (editor, instead) => {
      before = instead;
      maskOrNotice(editor);
    },
    down: (editor, point: ToolPoint) => {
      drag = { x: point.screenX, by: radiusOf(editor).by };
    },
    move: (editor, point) => {
      if (!drag) return;
      const { step } = radiusOf(editor);
      const steps = Math.trunc((point.screenX - drag.x) / DRAG_STEP);
      if (steps) setRadius(editor, drag.by + steps * step);
    },
    up: () => {
      drag = null;
    },
    cancel: (editor) => {
      if (drag) setRadius(editor, drag.by);
      drag = null;
    },
    finish: commit,
    key: (editor, { key }) => {
      const { by, step } = radiusOf(editor);
      if (key === "Enter") commit(editor);
      else if (key === "Escape") leave(editor);
      else if (key === "+" || key === "=") setRadius(editor, by + step);
      else if (key === "-") setRadius(editor, by - step);
      else return false;
      return true;
    },
    overlay: (editor) => {
      const { label, state, document, cine } = editor;
      const mask = label && document.mask(label.index, state.frameIndex);
      if (!mask || state.playing) return [];
      const { by, unit } = radiusOf(editor);
      const key = `${label.index} ${state.frameIndex} ${mask.version} ${by} ${unit}`;
      if (made?.key !== key) {
        const bitmap = resizedMask(editor);
        made = { key, edges: bitmap ? edgesOf(bitmap, cine.columns, cine.rows) : [] };
      }
      return [{ kind: "edges", edges: made.edges, dashed: true, colour: WHITE }];
    },
  };
}
