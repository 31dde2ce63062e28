/** One thing that the reader can do; the tables of actions feed toolbar, command palette, context menu and key map. */

import type { Editor } from "../editor";
import type { EditorState } from "../state";

export const GROUPS = ["Tools", "Frames", "Labels", "Masks", "View", "Edit", "Help"] as const;

/** A place on the image, in image pixels and on the page. */
export interface Place {
  x: number;
  y: number;
  clientX: number;
  clientY: number;
}

export interface Action {
  id: string;
  label: string;
  group: (typeof GROUPS)[number];
  /** As `KeyboardEvent.key` in lower case, with `Ctrl+` and `Shift+` before it. */
  keys: string[];
  /** Do it; `at` is the place that the context menu was opened at. */
  perform(editor: Editor, at?: Place): void;
  /** For an action that lasts as long as its key is held. */
  release?(editor: Editor): void;
  isOn?(state: EditorState): boolean;
  isEnabled?(state: EditorState): boolean;
  /** Why it is not enabled, where that is not because the reading cannot be changed. */
  whyNot?: string;
  /** Whether it means anything just now: where not, neither palette nor menu lists it. */
  isOffered?(state: EditorState): boolean;
  /** Whether the context menu of the image offers it; `here` = it acts at the place, and nowhere else. */
  menu?: "here" | "also";
  /** Whether holding the key repeats it. */
  repeats?: boolean;
}

const READ_ONLY: Record<string, string> = {
  SUBMITTED: "The reading is submitted; reopen it to change it.",
  LOCKED: "The reading is locked.",
};

/** Why an action cannot be performed now, if it cannot. */
export function whyNot(action: Action, state: EditorState): string | undefined {
  if (action.isEnabled?.(state) ?? true) return undefined;
  const reason = action.whyNot ?? "Not possible just now.";
  // Looking needs no leave to write.
  if (state.canWrite || action.group === "View") return reason;
  if (state.otherWriter) return "Another tab writes this reading; take over to write here.";
  return READ_ONLY[state.readingStatus] ?? "You may look at this reading, not change it.";
}
