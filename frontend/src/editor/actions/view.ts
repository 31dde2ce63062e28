/** How the image is shown. */

import { isComparison } from "../compare/second";
import { flipped, rotated } from "../placement";
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
    id: "next-preset",
    label: "Next window preset",
    group: "View",
    keys: ["Shift+l"],
    perform: (editor) => editor.nextPreset(),
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
    id: "actual-size",
    label: "One pixel of the image to one of the screen",
    group: "View",
    keys: ["0"],
    perform: (editor) => editor.viewport?.actualSize(),
  },
  {
    id: "flip-across",
    label: "Flip left to right",
    group: "View",
    keys: ["Shift+h"],
    perform: (editor) => editor.viewport?.orient(flipped(editor.state.orientation, "across")),
  },
  {
    id: "flip-down",
    label: "Flip upside down",
    group: "View",
    keys: ["v"],
    perform: (editor) => editor.viewport?.orient(flipped(editor.state.orientation, "down")),
  },
  {
    id: "rotate",
    label: "Turn by 90°",
    group: "View",
    keys: ["Shift+r"],
    perform: (editor) => editor.viewport?.orient(rotated(editor.state.orientation)),
  },
  {
    id: "plates",
    label: "Hide the text over the image",
    group: "View",
    keys: ["Shift+p"],
    perform: (editor) => editor.set({ platesHidden: !editor.state.platesHidden }),
    isOn: (state) => state.platesHidden,
  },
  {
    id: "compare",
    label: "Keep this frame in sight beside the others",
    group: "View",
    keys: ["Shift+v"],
    perform: (editor) => editor.comparison.toggleFrame(),
    isOn: (state) => state.second?.of === "frame",
  },
  {
    id: "compare-model",
    label: "Compare with what the model answered",
    group: "View",
    keys: ["Shift+n"],
    perform: (editor) => editor.comparison.toggleModel(),
    isOn: (state) => state.second?.of === "model",
  },
  {
    id: "compare-reading",
    label: "Compare with another reading, the next one",
    group: "View",
    keys: ["Shift+u"],
    perform: (editor) => void editor.comparison.nextReading(),
    isOn: (state) => state.second?.of === "reading",
  },
  {
    id: "compare-outline",
    label: "Outlines of this reading over the other side",
    group: "View",
    keys: ["Shift+o"],
    perform: (editor) => {
      editor.set({ secondOutline: !editor.state.secondOutline });
      editor.repaint();
    },
    isOn: (state) => isComparison(state.second) && state.secondOutline,
    isEnabled: (state) => isComparison(state.second),
    whyNot: "Compare with the model or with another reading first.",
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
