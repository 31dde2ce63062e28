/** How the tools work, as the reader has set them. */

import type { Editor } from "../editor";
import type { CineInfo, LabelInfo } from "../types";

export interface ToolOptions {
  brushShape: "round" | "square";
  /** Which pixels the brush paints: all, those like the one where the stroke began, or those of a range. */
  limit: "none" | "around" | "range";
  /** Grey values by which a pixel may differ from the one where the stroke began. */
  tolerance: number;
  /** Grey values, both ends included. */
  range: [number, number];
  /** What a centreline becomes: prompts along it, or a mask as wide as the vessel. */
  centreline: "prompts" | "mask";
  /** By how much a mask grows or, below 0, shrinks: in pixels, or in millimetres where the cine is calibrated. */
  resizePx: number;
  resizeMm: number;
  resizeUnit: "px" | "mm";
  /** Pieces of fewer pixels are islands. */
  leastArea: number;
  /** Code of the label that takes part of another, or is taken in by it; empty for the next one. */
  otherLabel: string;
}

export const NO_OPTIONS: ToolOptions = {
  brushShape: "round",
  limit: "none",
  tolerance: 25,
  range: [0, 255],
  centreline: "prompts",
  resizePx: 3,
  resizeMm: 1,
  resizeUnit: "px",
  leastArea: 30,
  otherLabel: "",
};

const TOLERANCE_SHARE = 0.1;
export const [LEAST_BRUSH, LARGEST_BRUSH] = [0.75, 80];

export function defaultOptions(cine: Pick<CineInfo, "window">): ToolOptions {
  const [low, high] = cine.window;
  return {
    ...NO_OPTIONS,
    tolerance: Math.max(1, Math.round((high - low) * TOLERANCE_SHARE)),
    range: [low, high],
  };
}

export function setOptions(editor: Editor, change: Partial<ToolOptions>): void {
  editor.set({ options: { ...editor.state.options, ...change } });
  editor.repaint();
}

export function resizeBrush(editor: Editor, factor: number): void {
  const radius = Math.min(Math.max(editor.state.brushRadius * factor, LEAST_BRUSH), LARGEST_BRUSH);
  editor.set({ brushRadius: Math.round(radius * 4) / 4 });
  editor.repaint();
}

/** The label that shares with the active one: the one chosen for it, or the next of the schema. */
export function otherLabelOf(editor: Editor): LabelInfo | undefined {
  const { labels, state } = editor;
  const others = labels.filter((label) => label.code !== state.labelCode);
  const place = labels.findIndex((label) => label.code === state.labelCode);
  return (
    others.find((label) => label.code === state.options.otherLabel) ?? labels.slice(place + 1)[0] ?? others[0]
  );
}
