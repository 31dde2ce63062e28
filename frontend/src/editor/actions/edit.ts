/** Taking back and bringing back. */

import type { Action } from "./action";

export const EDIT_ACTIONS: readonly Action[] = [
  {
    id: "undo",
    label: "Undo",
    group: "Edit",
    keys: ["Ctrl+z"],
    repeats: true,
    perform: (editor) => editor.undo(),
    isEnabled: (state) => state.canUndo,
  },
  {
    id: "redo",
    label: "Redo",
    group: "Edit",
    keys: ["Ctrl+y", "Ctrl+Shift+z"],
    repeats: true,
    perform: (editor) => editor.redo(),
    isEnabled: (state) => state.canRedo,
  },
];
