/** One thing that the reader can do; the tables of actions feed toolbar, keyboard and the list of shortcuts. */

import type { Editor } from "../editor";
import type { EditorState } from "../state";

export const GROUPS = ["Tools", "Frames", "Masks", "View", "Edit"] as const;

export interface Action {
  id: string;
  label: string;
  group: (typeof GROUPS)[number];
  /** As `KeyboardEvent.key` in lower case, with `Ctrl+` and `Shift+` before it. */
  keys: string[];
  perform(editor: Editor): void;
  /** For an action that lasts as long as its key is held. */
  release?(editor: Editor): void;
  isOn?(state: EditorState): boolean;
  isEnabled?(state: EditorState): boolean;
  /** Whether holding the key repeats it. */
  repeats?: boolean;
}
