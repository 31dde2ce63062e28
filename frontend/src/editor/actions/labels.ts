/** The labels of the schema as actions: each can be chosen, on the digit of its place, and be given the mask of another. */

import { relabel, type Scope } from "../maskwork";
import type { EditorState } from "../state";
import type { LabelInfo } from "../types";
import type { Action } from "./action";

export const RELABEL_SCOPES: readonly { scope: Scope; title: string; words: string }[] = [
  { scope: "frame", title: "Relabel this frame", words: "this frame" },
  { scope: "range", title: "Relabel the range", words: "frames of the range" },
  { scope: "all", title: "Relabel all frames", words: "all frames" },
];

export function relabelId(scope: Scope, { index }: Pick<LabelInfo, "index">): string {
  return scope === "frame" ? `relabel-${index}` : `relabel-${scope}-${index}`;
}

function choose({ code, name, index }: LabelInfo): Action {
  return {
    id: `label-${index}`,
    label: `Label: ${name}`,
    group: "Labels",
    keys: [String(index)],
    perform: (editor) => editor.set({ labelCode: code }),
    isOn: (state) => state.labelCode === code,
  };
}

function give(label: LabelInfo): Action[] {
  const isOther = (state: EditorState) => state.labelCode !== label.code;
  return RELABEL_SCOPES.map(({ scope, words }) => ({
    id: relabelId(scope, label),
    label: `Relabel as ${label.name}: ${words}`,
    group: "Labels",
    keys: [],
    ...(scope === "frame" && { menu: "also" as const }),
    perform: (editor) => relabel(editor, label, scope),
    isOffered: isOther,
    isEnabled: (state) => state.canWrite && isOther(state) && (scope !== "range" || state.range !== null),
    whyNot:
      scope === "range"
        ? "Choose another label, and a range on the timeline."
        : "Choose another label first.",
  }));
}

export function labelActions(labels: readonly LabelInfo[]): Action[] {
  return [...labels.map(choose), ...(labels.length > 1 ? labels.flatMap(give) : [])];
}

/** Keys belong to the place of a label, not to its name: the reader's fingers know no campaign. */
export const ANY_LABELS: readonly LabelInfo[] = Array.from({ length: 8 }, (_, place) => ({
  code: "",
  name: `number ${place + 1}`,
  colour: "#ffffff",
  index: place + 1,
}));
