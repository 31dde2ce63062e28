/** What is done with masks. */

import type { Editor } from "../editor";
import {
  copyMasks,
  dropSmallPieces,
  fillMask,
  growMask,
  interpolateMasks,
  keepLargestPiece,
  mergeLabels,
  smoothMask,
} from "../maskwork";
import { isActive } from "../state";
import type { Action } from "./action";

function work(id: string, label: string, keys: string[], perform: (editor: Editor) => void): Action {
  return { id, label, group: "Masks", keys, perform, isEnabled: (state) => state.canWrite };
}

export const MASK_ACTIONS: readonly Action[] = [
  {
    id: "propagate",
    label: "Propagate",
    group: "Masks",
    menu: "also",
    keys: ["enter"],
    perform: (editor) => editor.propagate(),
    isEnabled: (state) => state.canWrite,
  },
  {
    id: "stop",
    label: "Stop propagating",
    group: "Masks",
    keys: ["escape"],
    perform: (editor) => void editor.stopJobs(),
    isEnabled: (state) => [...state.jobs.values()].some(isActive),
    whyNot: "Nothing is being computed.",
  },
  {
    id: "accept",
    label: "Accept this frame, or take it back",
    group: "Masks",
    menu: "also",
    keys: ["a"],
    perform: (editor) => editor.toggleAccept(),
    isEnabled: (state) => state.canWrite,
  },
  {
    id: "clear",
    label: "Clear this label on this frame",
    group: "Masks",
    menu: "also",
    keys: ["delete", "backspace"],
    perform: (editor) => editor.clearMask(),
    isEnabled: (state) => state.canWrite,
  },
  work("fill-holes", "Fill holes", ["u"], fillMask),
  work("smooth", "Smooth", ["z"], smoothMask),
  { ...work("grow", "Grow by a pixel", ["+", "="], (editor) => growMask(editor, 1)), repeats: true },
  { ...work("shrink", "Shrink by a pixel", ["-"], (editor) => growMask(editor, -1)), repeats: true },
  work("keep-largest", "Keep the largest piece", ["q"], keepLargestPiece),
  work("drop-islands", "Drop small pieces", [], dropSmallPieces),
  work("copy-next", "Copy to the next frame", ["Shift+arrowright"], (editor) => copyMasks(editor, 1, false)),
  work("copy-previous", "Copy to the previous frame", ["Shift+arrowleft"], (editor) =>
    copyMasks(editor, -1, false),
  ),
  work("copy-all-next", "Copy all labels to the next frame", [], (editor) => copyMasks(editor, 1, true)),
  work("copy-all-previous", "Copy all labels to the previous frame", [], (editor) =>
    copyMasks(editor, -1, true),
  ),
  work("interpolate", "Interpolate between key frames", ["Shift+i"], interpolateMasks),
  work("merge", "Merge the other label into this one", [], mergeLabels),
];
