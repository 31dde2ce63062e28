/** The actions of this reading with the keys that they have now. */

import { useMemo } from "react";
import { useStore } from "zustand";
import { type Action, actionsFor, whyNot } from "../../editor/actions";
import { useEditorState, useRoom } from "./useEditor";

export function useActions(): readonly Action[] {
  const { editor } = useRoom();
  return useMemo(() => actionsFor(editor.labels), [editor]);
}

export function useKeysOf(id: string): readonly string[] {
  const { keymap } = useRoom().editor;
  useStore(keymap.store);
  return keymap.keysOf(id);
}

/** Why an action cannot be performed now, if it cannot. */
export function useWhyNot(action: Action): string | undefined {
  return useEditorState((state) => whyNot(action, state));
}
