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
    menu: "also",
    isEnabled: (state) => state.canUndo,
    whyNot: "There is nothing to undo.",
  },
  {
    id: "redo",
    label: "Redo",
    group: "Edit",
    keys: ["Ctrl+y", "Ctrl+Shift+z"],
    repeats: true,
    perform: (editor) => editor.redo(),
    isEnabled: (state) => state.canRedo,
    whyNot: "There is nothing to redo.",
  },
];
