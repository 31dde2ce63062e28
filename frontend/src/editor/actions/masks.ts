/** What is done with masks. */

import { isActive } from "../state";
import type { Action } from "./action";

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
];
