/** How the image is shown. */

import type { Action } from "./action";

export const VIEW_ACTIONS: readonly Action[] = [
  {
    id: "outline",
    label: "Outlines only",
    group: "View",
    menu: "also",
    keys: ["o"],
    perform: (editor) => {
      editor.set({ outlineOnly: !editor.state.outlineOnly });
      editor.repaint();
    },
    isOn: (state) => state.outlineOnly,
  },
  {
    id: "invert",
    label: "Invert grey values",
    group: "View",
    keys: ["i"],
    perform: (editor) => {
      editor.set({ inverted: !editor.state.inverted });
      editor.repaint();
    },
    isOn: (state) => state.inverted,
  },
  {
    id: "reset-window",
    label: "Reset window and level",
    group: "View",
    keys: ["r"],
    perform: (editor) => editor.resetWindow(),
  },
  {
    id: "fit",
    label: "Whole image",
    group: "View",
    menu: "also",
    keys: ["f"],
    perform: (editor) => editor.viewport?.fit(),
  },
  {
    id: "hide-masks",
    label: "Hide the masks while held",
    group: "View",
    keys: ["h"],
    perform: (editor) => {
      editor.set({ masksHidden: true });
      editor.repaint();
    },
    release: (editor) => {
      editor.set({ masksHidden: false });
      editor.repaint();
    },
  },
];
