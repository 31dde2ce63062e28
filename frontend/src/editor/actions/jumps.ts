/** Jumping to frames by what is on them, and choosing what the arrow keys step through. */

import { type FrameKind, jump, type StepMode } from "../jumps";
import type { Action } from "./action";

function pair(kind: FrameKind, name: string, back: string, on: string): Action[] {
  const one = (by: 1 | -1): Action => ({
    id: `${by > 0 ? "next" : "previous"}-${kind}`,
    label: `${by > 0 ? "Next" : "Previous"} ${name}`,
    group: "Frames",
    keys: [by > 0 ? on : back],
    repeats: true,
    perform: (editor) => jump(editor, kind, by),
  });
  return [one(-1), one(1)];
}

function step(mode: StepMode, label: string): Action {
  return {
    id: `step-${mode}`,
    label,
    group: "Frames",
    keys: [],
    perform: (editor) => editor.set({ stepMode: mode }),
    isOn: (state) => state.stepMode === mode,
  };
}

export const JUMP_ACTIONS: readonly Action[] = [
  ...pair("annotated", "frame with a mask", "Ctrl+arrowleft", "Ctrl+arrowright"),
  ...pair(
    "unannotated",
    "frame without a mask of this label",
    "Ctrl+Shift+arrowleft",
    "Ctrl+Shift+arrowright",
  ),
  ...pair("attention", "frame to look at", "pageup", "pagedown"),
  ...pair("key", "key frame", "Shift+pageup", "Shift+pagedown"),
  step("all", "Step through all frames"),
  step("annotated", "Step through frames with a mask"),
  step("unannotated", "Step through frames without a mask of this label"),
];
