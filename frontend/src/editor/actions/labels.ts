/** Choosing the label that is drawn: one action for each label of the schema, on the digit of its place there. */

import type { LabelInfo } from "../types";
import type { Action } from "./action";

export function labelActions(labels: readonly LabelInfo[]): Action[] {
  return labels.map(({ code, name, index }) => ({
    id: `label-${index}`,
    label: `Label: ${name}`,
    group: "Labels",
    keys: [String(index)],
    perform: (editor) => editor.set({ labelCode: code }),
    isOn: (state) => state.labelCode === code,
  }));
}

/** Keys belong to the place of a label, not to its name: the reader's fingers know no campaign. */
export const ANY_LABELS: readonly LabelInfo[] = Array.from({ length: 8 }, (_, place) => ({
  code: "",
  name: `number ${place + 1}`,
  colour: "#ffffff",
  index: place + 1,
}));
