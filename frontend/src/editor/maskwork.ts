/** What is done to the masks of a frame as a whole. Each is one step; where there is nothing to do, a notice says so. */

import { toBitmap } from "./codec";
import type { Draft, Editor } from "./editor";
import { dropIslands, fillHoles, keepLargest } from "./geometry/components";
import { MaskInterpolator } from "./geometry/interpolate";
import { grow, shrink, smooth } from "./geometry/morphology";
import type { Place } from "./geometry/path";
import { divide } from "./geometry/split";
import { spacingOf } from "./plates";
import { otherLabelOf } from "./tools/options";
import { radiusOf } from "./tools/resize";
import type { LabelInfo } from "./types";

const MOST_FRAMES = 512;

function bitmapOf(editor: Editor, label: LabelInfo, frameIndex: number): Uint8Array | null {
  const pixels = editor.document.pixels(label.index, frameIndex);
  return pixels ? toBitmap(pixels) : null;
}

/** The mask of the active label on this frame, or null and a notice. */
export function maskOrNotice(editor: Editor): Uint8Array | null {
  const { label } = editor;
  const bitmap = label && bitmapOf(editor, label, editor.state.frameIndex);
  if (!bitmap) editor.notify("no_mask_here", `${label?.name ?? "The label"} has no mask on this frame.`);
  return bitmap ?? null;
}

function draftOf(editor: Editor, label: LabelInfo, bitmap: Uint8Array): Draft {
  return { labelIndex: label.index, frameIndex: editor.state.frameIndex, bitmap };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((bit, place) => bit === b[place]);
}

function areaOf(bitmap: Uint8Array): number {
  return bitmap.reduce((sum, bit) => sum + bit, 0);
}

type Change = (bitmap: Uint8Array, columns: number, rows: number) => Uint8Array;

function change(editor: Editor, tool: string, nothing: string, how: Change) {
  const { columns, rows } = editor.cine;
  const before = maskOrNotice(editor);
  if (!before || !editor.label) return;
  const after = how(before, columns, rows);
  if (isSame(before, after)) return editor.notify("nothing_to_change", nothing);
  if (!areaOf(after)) {
    return editor.notify("nothing_left", "That would leave nothing of the mask; clear it if that is meant.");
  }
  editor.commitMasks([draftOf(editor, editor.label, after)], tool);
  return true;
}

export function fillMask(editor: Editor) {
  change(editor, "fill-holes", "The mask has no holes.", fillHoles);
}

export function keepLargestPiece(editor: Editor) {
  change(editor, "keep-largest", "The mask is in one piece.", keepLargest);
}

export function dropSmallPieces(editor: Editor) {
  const { leastArea } = editor.state.options;
  change(editor, "drop-islands", `No piece has fewer than ${leastArea} pixels.`, (bitmap, columns, rows) =>
    dropIslands(bitmap, columns, rows, leastArea),
  );
}

export function growMask(editor: Editor, by: number) {
  const how: Change = (bitmap, columns, rows) =>
    by > 0 ? grow(bitmap, columns, rows, by) : shrink(bitmap, columns, rows, -by);
  change(editor, by > 0 ? "grow" : "shrink", "The mask fills the image.", how);
}

/** The mask of the active label on this frame, grown or shrunk as the options say; null where there is none. */
export function resizedMask(editor: Editor): Uint8Array | null {
  const { label, cine } = editor;
  const before = label && bitmapOf(editor, label, editor.state.frameIndex);
  return before ? resized(editor, before, cine.columns, cine.rows) : null;
}

function resized(editor: Editor, bitmap: Uint8Array, columns: number, rows: number): Uint8Array {
  const { by, unit } = radiusOf(editor);
  const spacing = (unit === "mm" && spacingOf(editor.cine.display)) || undefined;
  return (by > 0 ? grow : shrink)(bitmap, columns, rows, Math.abs(by), spacing);
}

/** Grow or shrink the mask as the options say; returns whether that was done. */
export function resizeMask(editor: Editor): boolean {
  const grows = radiusOf(editor).by > 0;
  const how: Change = (bitmap, columns, rows) => resized(editor, bitmap, columns, rows);
  return change(editor, grows ? "grow" : "shrink", "The mask fills the image.", how) === true;
}

export function smoothMask(editor: Editor) {
  change(editor, "smooth", "The mask is as smooth as it gets.", smooth);
}

/** Bring the mask of the active label, or those of all labels, to the frame before or after, and go there. */
export function copyMasks(editor: Editor, by: 1 | -1, all: boolean) {
  const { frameIndex } = editor.state;
  const target = frameIndex + by;
  if (target < 0 || target >= editor.cine.frameCount) {
    return editor.notify("no_such_frame", `There is no frame ${by > 0 ? "after" : "before"} this one.`);
  }
  const labels = all ? editor.labels : editor.labels.filter((label) => label.code === editor.state.labelCode);
  const found = labels.flatMap((label) => {
    const bitmap = bitmapOf(editor, label, frameIndex);
    return bitmap ? [{ label, bitmap }] : [];
  });
  if (!found.length) {
    return all ? editor.notify("no_mask_here", "There is no mask on this frame.") : void maskOrNotice(editor);
  }
  const changed = found.filter(({ label, bitmap }) => {
    const there = bitmapOf(editor, label, target);
    return !there || !isSame(there, bitmap);
  });
  if (!changed.length) {
    return editor.notify("nothing_to_change", `Frame ${target + 1} has the same mask already.`);
  }
  editor.goTo(target);
  editor.commitMasks(
    changed.map(({ label, bitmap }) => ({ labelIndex: label.index, frameIndex: target, bitmap })),
    "copy",
  );
}

/** Fill the frames between the two key frames around this one: drawn, prompted or accepted ones. */
export function interpolateMasks(editor: Editor) {
  const { label, document } = editor;
  if (!label) return;
  const { columns, rows, frameCount } = editor.cine;
  const isKey = (frame: number) => {
    const mask = document.mask(label.index, frame);
    return !!mask && (mask.provenance === "HUMAN" || mask.provenance === "MODEL" || mask.accepted);
  };
  const keyFrom = (start: number, by: 1 | -1) => {
    for (let frame = start; frame >= 0 && frame < frameCount; frame += by) if (isKey(frame)) return frame;
    return undefined;
  };
  const here = editor.state.frameIndex;
  let [first, last] = [keyFrom(here, -1), keyFrom(here + 1, 1)];
  if (last === undefined && first === here) [first, last] = [keyFrom(here - 1, -1), here];
  if (first === undefined || last === undefined) {
    return editor.notify(
      "no_key_frames",
      `${label.name} needs a drawn, prompted or accepted mask before and after this frame to interpolate between.`,
    );
  }
  const between: number[] = [];
  for (let frame = first + 1; frame < last; frame++) {
    if (!document.isCleared(label.index, frame) && !editor.isAccepted(frame)) between.push(frame);
  }
  const [from, to] = [bitmapOf(editor, label, first), bitmapOf(editor, label, last)];
  if (!between.length || !from || !to) {
    return editor.notify(
      "nothing_to_change",
      `There is no frame to fill between the key frames ${first + 1} and ${last + 1}.`,
    );
  }
  if (between.length > MOST_FRAMES) {
    return editor.notify(
      "key_frames_too_far",
      `Key frames ${first + 1} and ${last + 1} are more than ${MOST_FRAMES} frames apart; draw one between them.`,
    );
  }
  const interpolator = new MaskInterpolator(from, to, columns, rows);
  const masks = between.map((frameIndex) => ({
    labelIndex: label.index,
    frameIndex,
    bitmap: interpolator.at((frameIndex - first) / (last - first)),
  }));
  editor.commitMasks(masks, "interpolate", "INTERPOLATED");
}

/** The frames that a relabelling is about: the one that is shown, those of the range, or all. */
export type Scope = "frame" | "range" | "all";

/** Give what the active label has on the frames of a scope to another label, as one event. */
export function relabel(editor: Editor, to: LabelInfo, scope: Scope) {
  const { label, state } = editor;
  if (!label || label.code === to.code) return;
  const { range, frameIndex } = state;
  const isMeant = (frame: number) => {
    if (scope === "frame") return frame === frameIndex;
    return scope === "all" || (range !== null && frame >= range.start && frame <= range.stop);
  };
  const frames: number[] = [];
  for (let frame = 0; frame < editor.cine.frameCount; frame++)
    if (isMeant(frame) && editor.document.mask(label.index, frame)) frames.push(frame);
  if (frames.length) return editor.relabel(label, to, frames);
  const where = { frame: "on this frame", range: "on the frames of the range", all: "on any frame" }[scope];
  editor.notify("no_mask_here", `${label.name} has no mask ${where}.`);
}

function otherOrNotice(editor: Editor): LabelInfo | undefined {
  const other = otherLabelOf(editor);
  if (!other) editor.notify("no_other_label", "The campaign has only this one label.");
  return other;
}

/** Give one side of a line to the other label: the smaller one, or the larger. */
export function splitLabel(editor: Editor, from: Place, to: Place, larger: boolean) {
  const { columns, rows } = editor.cine;
  const mask = maskOrNotice(editor);
  const other = mask ? otherOrNotice(editor) : undefined;
  if (!mask || !other || !editor.label) return;
  const division = divide(mask, columns, rows, from, to);
  if (!division) {
    return editor.notify("not_divided", "The line does not divide the mask; draw it right across.");
  }
  const isLeft = areaOf(division.left) < areaOf(division.right) !== larger;
  const given = isLeft ? division.left : division.right;
  const kept = mask.map((bit, place) => (bit && !given[place] ? 1 : 0));
  const theirs = bitmapOf(editor, other, editor.state.frameIndex) ?? new Uint8Array(mask.length);
  const taken = theirs.map((bit, place) => bit | (given[place] ?? 0));
  editor.commitMasks([draftOf(editor, editor.label, kept), draftOf(editor, other, taken)], "split");
}
/** Take the mask of the other label into that of the active one. */
export function mergeLabels(editor: Editor) {
  const { label } = editor;
  const other = label && otherOrNotice(editor);
  if (!label || !other) return;
  const theirs = bitmapOf(editor, other, editor.state.frameIndex);
  if (!theirs)
    return editor.notify("nothing_to_change", `${other.name} has no mask on this frame to take in.`);
  const own = bitmapOf(editor, label, editor.state.frameIndex) ?? new Uint8Array(theirs.length);
  const both = own.map((bit, place) => bit | (theirs[place] ?? 0));
  const none = new Uint8Array(theirs.length);
  editor.commitMasks([draftOf(editor, label, both), draftOf(editor, other, none)], "merge");
}
