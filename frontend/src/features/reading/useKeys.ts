/** Keys of the reading room. What is typed into a field, and keys that a focused control has its own use for, are left alone. */

import { useEffect } from "react";
import type { Action } from "../../editor/actions";
import { actionsFor, whyNot } from "../../editor/actions";
import type { Room } from "./useEditor";

const TYPED_INTO =
  "input:not([type=range], [type=radio], [type=checkbox]), textarea, select, [contenteditable], [role=combobox], [role=dialog], [role=menu], [role=listbox]";
const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];

function closest(target: EventTarget | null, selector: string): Element | null {
  return target instanceof Element ? target.closest(selector) : null;
}

/** Whether the focused control answers to this key by itself. */
function isControls(target: EventTarget | null, key: string): boolean {
  if (key === " " || key === "Enter")
    return closest(target, "button, a, summary, [role=radio], [type=radio], [type=checkbox]") !== null;
  if (ARROWS.includes(key))
    return closest(target, "[role=slider]:not(.timeline), [role=radio], [type=radio], [type=range]") !== null;
  return false;
}

export function useKeys({ editor, view }: Room): void {
  useEffect(() => {
    const actions = new Map(actionsFor(editor.labels).map((action) => [action.id, action]));
    /** The lasting actions by the key that holds them. */
    const held = new Map<string, Action>();
    const down = (event: KeyboardEvent) => {
      if (event.defaultPrevented || closest(event.target, TYPED_INTO)) return;
      // What a tool has begun comes before the actions: Enter closes a polygon before it propagates.
      if (editor.tool?.key?.(editor, event)) return event.preventDefault();
      if (event.key === "Escape" && view.current?.cancelDrag()) return;
      if (isControls(event.target, event.key)) return;
      const action = actions.get(editor.keymap.find(event) ?? "");
      if (!action) return;
      event.preventDefault();
      if (event.repeat && !action.repeats) return;
      if (whyNot(action, editor.state)) return;
      action.perform(editor);
      if (action.release) held.set(event.code, action);
    };
    const up = (event: KeyboardEvent) => {
      held.get(event.code)?.release?.(editor);
      held.delete(event.code);
    };
    const releaseAll = () => {
      for (const action of held.values()) action.release?.(editor);
      held.clear();
    };
    const noMenu = (event: MouseEvent) => {
      if (closest(event.target, ".reading") && !closest(event.target, TYPED_INTO)) event.preventDefault();
    };
    const reload = (event: StorageEvent) => {
      if (event.storageArea === window.localStorage) editor.keymap.load();
    };
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    window.addEventListener("blur", releaseAll);
    window.addEventListener("contextmenu", noMenu);
    window.addEventListener("pointerup", giveFocusBack);
    window.addEventListener("storage", reload);
    return () => {
      releaseAll();
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", releaseAll);
      window.removeEventListener("contextmenu", noMenu);
      window.removeEventListener("pointerup", giveFocusBack);
      window.removeEventListener("storage", reload);
    };
  }, [editor, view]);
}

/** What was only touched with the pointer does not keep the keyboard: Space plays again, arrows move the frame. */
function giveFocusBack(): void {
  setTimeout(() => {
    const focused = document.activeElement;
    if (!(focused instanceof HTMLElement) || !focused.closest(".reading")) return;
    if (!focused.matches(`${TYPED_INTO}, [aria-haspopup]`)) focused.blur();
  });
}
