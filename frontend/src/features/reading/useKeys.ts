/** Keys of the reading room; typing into a field is left alone. */

import { useEffect } from "react";
import { actionOfKey, releasedBy } from "../../editor/actions";
import type { Room } from "./useEditor";

function isTyping(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return !!element?.closest?.(
    "input:not([type=range], [type=radio], [type=checkbox]), textarea, select, [contenteditable], [role=dialog]",
  );
}

export function useKeys({ editor, view }: Room, onShortcuts: () => void): void {
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      if (isTyping(event.target)) return;
      // What a tool has begun comes before the actions: Enter closes a polygon before it propagates.
      if (editor.tool?.key?.(editor, event)) return event.preventDefault();
      if (event.key === "?") return onShortcuts();
      if (event.key === "Escape" && view.current?.cancelDrag()) return;
      const digit = Number(event.key);
      const label = editor.labels.find((known) => known.index === digit);
      if (label && !event.ctrlKey) return editor.set({ labelCode: label.code });
      // A focused button already answers to Space and Enter.
      const isOnButton = (event.target as HTMLElement | null)?.closest?.("button, a, [role=radio]");
      if (isOnButton && (event.key === " " || event.key === "Enter")) return;
      const action = actionOfKey(event);
      if (!action) return;
      event.preventDefault();
      if (action.isEnabled?.(editor.state) ?? true) action.perform(editor);
    };
    const up = (event: KeyboardEvent) => {
      for (const action of releasedBy(event)) action.release?.(editor);
    };
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    return () => {
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
    };
  }, [editor, view, onShortcuts]);
}
