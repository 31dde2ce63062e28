/** Bind the editor to React: components read slices of its state and never render per frame of the screen. */

import { createContext, useContext } from "react";
import { useStore } from "zustand";
import type { Editor } from "../../editor/editor";
import type { EditorState } from "../../editor/state";
import type { EditorView } from "../../editor/view";

export interface Room {
  editor: Editor;
  view: { current: EditorView | null };
}

export const RoomContext = createContext<Room | null>(null);

export function useRoom(): Room {
  const room = useContext(RoomContext);
  if (!room) throw new Error("There is no reading here.");
  return room;
}

export function useEditorState<T>(select: (state: EditorState) => T): T {
  return useStore(useRoom().editor.store, select);
}
