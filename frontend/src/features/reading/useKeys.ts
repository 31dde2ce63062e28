/** Keys of the reading room. What is typed into a field, and keys that a focused control has its own use for, are left alone. */

import { useEffect } from "react";
import type { Action } from "../../editor/actions";
import { actionsFor, whyNot } from "../../editor/actions";
import { TouchedControls } from "./touch";
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

/** Whether a control needs its keys though it was only touched: a field, an open menu, and all that lies elsewhere. */
function keepsKeys(control: Element): boolean {
  return (
    !control.closest(".reading") ||
    control.closest(TYPED_INTO) !== null ||
    control.matches("[aria-haspopup][aria-expanded=true]")
  );
}

export function useKeys({ editor, view }: Room): void {
  useEffect(() => {
    const actions = new Map(actionsFor(editor.labels).map((action) => [action.id, action]));
    /** The lasting actions by the key that holds them. */
    const held = new Map<string, Action>();
    const touched = new TouchedControls(window);
    /** What was touched gives the keyboard back before it can answer. */
    const before = (event: KeyboardEvent) => {
      const control = touched.release(event.key, keepsKeys);
      if (!control || !isControls(control, event.key)) return;
      answer(event, null);
      event.preventDefault();
      event.stopPropagation();
    };
    const down = (event: KeyboardEvent) => {
      if (!event.defaultPrevented && !closest(event.target, TYPED_INTO)) answer(event, event.target);
    };
    const answer = (event: KeyboardEvent, target: EventTarget | null) => {
      if (!isControls(target, event.key) && editor.crosshair.key(event)) return event.preventDefault();
      // What a tool has begun comes before the actions: Enter closes a polygon before it propagates.
      if (editor.tool?.key?.(editor, event)) return event.preventDefault();
      if (event.key === "Escape" && view.current?.cancelDrag()) return;
      if (isControls(target, event.key)) return;
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
    window.addEventListener("keydown", before, true);
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    window.addEventListener("blur", releaseAll);
    window.addEventListener("contextmenu", noMenu);
    window.addEventListener("storage", reload);
    return () => {
      releaseAll();
      touched.close();
      window.removeEventListener("keydown", before, true);
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", releaseAll);
      window.removeEventListener("contextmenu", noMenu);
      window.removeEventListener("storage", reload);
    };
  }, [editor, view]);
}
