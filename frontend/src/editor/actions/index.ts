/** Everything the reader can do, once: it feeds the toolbar, the command palette, the context menu and the key map. */

import type { LabelInfo } from "../types";
import type { Action } from "./action";
import { EDIT_ACTIONS } from "./edit";
import { ENHANCE_ACTIONS } from "./enhance";
import { FRAME_ACTIONS } from "./frames";
import { HELP_ACTIONS } from "./help";
import { JUMP_ACTIONS } from "./jumps";
import { ANY_LABELS, labelActions } from "./labels";
import { MASK_ACTIONS } from "./masks";
import { PLACE_ACTIONS } from "./place";
import { TOOL_ACTIONS } from "./tools";
import { VIEW_ACTIONS } from "./view";

export { keyName } from "../chords";
export { type Action, GROUPS, type Place, whyNot } from "./action";

export const ACTIONS: readonly Action[] = [
  ...TOOL_ACTIONS,
  ...FRAME_ACTIONS,
  ...JUMP_ACTIONS,
  ...MASK_ACTIONS,
  ...VIEW_ACTIONS,
  ...ENHANCE_ACTIONS,
  ...EDIT_ACTIONS,
  ...PLACE_ACTIONS,
  ...HELP_ACTIONS,
];

export function actionOf(id: string): Action {
  const action = ACTIONS.find((known) => known.id === id);
  if (!action) throw new Error(`there is no action ${id}`);
  return action;
}

/** What can be done in this reading: its labels are actions too. */
export function actionsFor(labels: readonly LabelInfo[]): readonly Action[] {
  return [...ACTIONS, ...labelActions(labels)];
}

/** Everything that can have keys, in whatever campaign. */
export const BINDABLE: readonly Action[] = actionsFor(ANY_LABELS);
