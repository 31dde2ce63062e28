/** Everything the reader can do, once: it feeds the toolbar, the keyboard and the list of shortcuts. */

import type { Action } from "./action";
import { EDIT_ACTIONS } from "./edit";
import { ENHANCE_ACTIONS } from "./enhance";
import { FRAME_ACTIONS } from "./frames";
import { JUMP_ACTIONS } from "./jumps";
import { MASK_ACTIONS } from "./masks";
import { TOOL_ACTIONS } from "./tools";
import { VIEW_ACTIONS } from "./view";

export { type Action, GROUPS } from "./action";

export const ACTIONS: readonly Action[] = [
  ...TOOL_ACTIONS,
  ...FRAME_ACTIONS,
  ...JUMP_ACTIONS,
  ...MASK_ACTIONS,
  ...VIEW_ACTIONS,
  ...ENHANCE_ACTIONS,
  ...EDIT_ACTIONS,
];

export function actionOf(id: string): Action {
  const action = ACTIONS.find((known) => known.id === id);
  if (!action) throw new Error(`there is no action ${id}`);
  return action;
}

interface Key {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
  repeat?: boolean;
}

/** The action of a key, if it has one; digits pick labels and are handled by `labelOfKey`. */
export function actionOfKey(event: Key): Action | undefined {
  if (event.altKey) return undefined;
  const ctrl = event.ctrlKey || event.metaKey;
  const name = event.key.toLowerCase();
  // Of signs ("+", "?"), Shift is a part already.
  const isSign = name.length === 1 && name === name.toUpperCase();
  const shift = event.shiftKey && (ctrl || !isSign);
  const chord = `${ctrl ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${name}`;
  const action = ACTIONS.find((known) => known.keys.includes(chord));
  return event.repeat && !action?.repeats ? undefined : action;
}

/** The lasting actions that end when a key goes up, whatever else is held by then. */
export function releasedBy(event: Pick<Key, "key">): readonly Action[] {
  return ACTIONS.filter((known) => known.release && known.keys.includes(event.key.toLowerCase()));
}

/** Words for a key, as they stand in the list of shortcuts. */
export function keyName(key: string): string {
  const names: Record<string, string> = {
    " ": "Space",
    arrowleft: "←",
    arrowright: "→",
    escape: "Esc",
    delete: "Del",
    backspace: "⌫",
    enter: "Enter",
    home: "Home",
    end: "End",
  };
  return key
    .split(/(?<=.)\+/)
    .map((part) => names[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join("+");
}
