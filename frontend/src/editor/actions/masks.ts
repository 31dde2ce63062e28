/** What is done with masks. */

import type { Action } from "./action";

export const MASK_ACTIONS: readonly Action[] = [
  {
    id: "propagate",
    label: "Propagate",
    group: "Masks",
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
  },
  {
    id: "accept",
    label: "Accept this frame, or take it back",
    group: "Masks",
    keys: ["a"],
    perform: (editor) => editor.toggleAccept(),
    isEnabled: (state) => state.canWrite,
  },
  {
    id: "clear",
    label: "Clear this label on this frame",
    group: "Masks",
    keys: ["delete", "backspace"],
    perform: (editor) => editor.clearMask(),
    isEnabled: (state) => state.canWrite,
  },
];
