/** Views for angiography. */

import type { EnhanceMode } from "../enhance/state";
import { SHIFT_STEP } from "../enhance/subtraction";
import type { Action } from "./action";

const view = (mode: EnhanceMode, label: string, key: string): Action => ({
  id: `view-${mode}`,
  label,
  group: "View",
  keys: [key],
  perform: (editor) => editor.enhance.toggle(mode),
  isOn: (state) => state.enhance.mode === mode,
});

const nudge = (id: string, label: string, key: string, dx: number, dy: number): Action => ({
  id: `mask-${id}`,
  label,
  group: "View",
  keys: [key],
  repeats: true,
  perform: (editor) => editor.enhance.nudge(dx * SHIFT_STEP, dy * SHIFT_STEP),
  isEnabled: (state) => state.enhance.mode === "subtraction",
  whyNot: "Show the subtraction first.",
});

export const ENHANCE_ACTIONS: readonly Action[] = [
  view("subtraction", "Subtraction, view only", "s"),
  view("minimum", "Minimum projection, view only", "m"),
  view("contrast", "Local contrast, view only", "Shift+c"),
  nudge("left", "Subtraction: shift its frame left", "Shift+f", -1, 0),
  nudge("right", "Subtraction: shift its frame right", "Shift+g", 1, 0),
  nudge("up", "Subtraction: shift its frame up", "Shift+t", 0, -1),
  nudge("down", "Subtraction: shift its frame down", "Shift+b", 0, 1),
];
