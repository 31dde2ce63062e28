/** Events in words, and where on the cine they are about. */

import type { Step } from "./fold";
import type { LabelInfo, MaskEdit } from "./types";

const TOOLS: Record<string, string> = { brush: "brush stroke", eraser: "eraser stroke", clear: "clearing" };

/** What an event was, as "brush stroke, Coronary artery, frame 12". */
export function stepName({ kind, payload }: Step, labels: readonly LabelInfo[]): string {
  const tool = String(payload.tool);
  const { frames, codes } = placesOf(payload);
  const what = {
    prompt: payload.box ? "box" : "point",
    edit: TOOLS[tool] ?? tool,
    relabel: "relabelling",
    propagate: "propagation",
    accept: payload.accepted ? "acceptance" : "withdrawn acceptance",
    undo: "undo",
    redo: "redo",
  }[kind];
  const nameOf = (code: unknown) => labels.find((known) => known.code === code)?.name ?? String(code);
  const label = codes.length === 1 ? nameOf(codes[0]) : kind === "relabel" && codes.map(nameOf).join(" to ");
  const where = frames.length > 1 ? `${frames.length} frames` : `frame ${Number(frames[0]) + 1}`;
  return [what, label, where].filter(Boolean).join(", ");
}

/** The frames and the labels that an event is about. */
function placesOf(payload: Record<string, unknown>): { frames: number[]; codes: string[] } {
  if ("to" in payload) {
    return { frames: payload.frame_indices as number[], codes: [payload.label, payload.to] as string[] };
  }
  const edits = (payload.edits ?? []) as MaskEdit[];
  if (edits.length) {
    return {
      frames: [...new Set(edits.map((edit) => edit.frame_index))],
      codes: [...new Set(edits.map((edit) => edit.label))],
    };
  }
  return {
    frames: (payload.frame_indices ?? [payload.frame_index]) as number[],
    codes: (payload.labels ?? (payload.label ? [payload.label] : [])) as string[],
  };
}

/** The frame and the label to look at when an event is undone or redone; those looked at now, if it concerns them. */
export function stepPlace(
  { payload }: Step,
  now: { frameIndex: number; labelCode: string },
): { frameIndex: number; labelCode: string } {
  const { frames, codes } = placesOf(payload);
  const frameIndex = frames.includes(now.frameIndex) ? now.frameIndex : (frames[0] ?? now.frameIndex);
  return {
    frameIndex,
    labelCode: codes.includes(now.labelCode) ? now.labelCode : (codes[0] ?? now.labelCode),
  };
}
