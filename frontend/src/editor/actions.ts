/** Everything the reader can do, once: it feeds the toolbar, the keyboard and the list of shortcuts. */

import type { Editor } from "./editor";
import type { EditorState, ToolId } from "./state";

export interface Action {
  id: string;
  label: string;
  group: "Tools" | "Frames" | "Masks" | "View" | "Edit";
  /** As `KeyboardEvent.key` in lower case, with `Ctrl+` and `Shift+` before it. */
  keys: string[];
  perform(editor: Editor): void;
  isOn?(state: EditorState): boolean;
  isEnabled?(state: EditorState): boolean;
  /** Whether holding the key repeats it. */
  repeats?: boolean;
}

function tool(id: ToolId, label: string, key: string): Action {
  return {
    id: `tool-${id}`,
    label,
    group: "Tools",
    keys: [key],
    perform: (editor) => editor.set({ tool: id }),
    isOn: (state) => state.tool === id,
  };
}

const resize = (id: string, label: string, key: string, factor: number): Action => ({
  id,
  label,
  group: "Tools",
  keys: [key],
  repeats: true,
  perform: (editor) => {
    const radius = Math.min(Math.max(editor.state.brushRadius * factor, 0.75), 80);
    editor.set({ brushRadius: Math.round(radius * 4) / 4 });
    editor.repaint();
  },
});

export const ACTIONS: readonly Action[] = [
  tool("positive", "Point in the structure", "p"),
  tool("negative", "Point outside (negative)", "n"),
  tool("box", "Box around the structure", "b"),
  tool("brush", "Brush", "d"),
  tool("eraser", "Eraser", "e"),
  tool("window", "Window and level", "w"),
  tool("pan", "Pan", "g"),
  resize("brush-smaller", "Smaller brush", "[", 0.8),
  resize("brush-larger", "Larger brush", "]", 1.25),
  {
    id: "play",
    label: "Play or pause",
    group: "Frames",
    keys: [" "],
    perform: (editor) => (editor.state.playing ? editor.pause() : editor.play()),
    isOn: (state) => state.playing,
  },
  {
    id: "previous-frame",
    label: "Previous frame",
    group: "Frames",
    keys: ["arrowleft"],
    repeats: true,
    perform: (editor) => editor.step(-1),
  },
  {
    id: "next-frame",
    label: "Next frame",
    group: "Frames",
    keys: ["arrowright"],
    repeats: true,
    perform: (editor) => editor.step(1),
  },
  {
    id: "first-frame",
    label: "First frame",
    group: "Frames",
    keys: ["home"],
    perform: (editor) => editor.goTo(0),
  },
  {
    id: "last-frame",
    label: "Last frame",
    group: "Frames",
    keys: ["end"],
    perform: (editor) => editor.goTo(editor.cine.frameCount - 1),
  },
  {
    id: "propagate",
    label: "Propagate",
    group: "Masks",
    keys: ["enter"],
    perform: (editor) => editor.propagate(),
    isEnabled: (state) => state.canWrite,
  },
  {
    id: "stop",
    label: "Stop propagating",
    group: "Masks",
    keys: ["escape"],
    perform: (editor) => void editor.stopJobs(),
  },
  {
    id: "accept",
    label: "Accept this frame, or take it back",
    group: "Masks",
    keys: ["a"],
    perform: (editor) => editor.toggleAccept(),
    isEnabled: (state) => state.canWrite,
  },
  {
    id: "clear",
    label: "Clear this label on this frame",
    group: "Masks",
    keys: ["delete", "backspace"],
    perform: (editor) => editor.clearMask(),
    isEnabled: (state) => state.canWrite,
  },
  {
    id: "outline",
    label: "Outlines only",
    group: "View",
    keys: ["o"],
    perform: (editor) => {
      editor.set({ outlineOnly: !editor.state.outlineOnly });
      editor.repaint();
    },
    isOn: (state) => state.outlineOnly,
  },
  {
    id: "invert",
    label: "Invert grey values",
    group: "View",
    keys: ["i"],
    perform: (editor) => {
      editor.set({ inverted: !editor.state.inverted });
      editor.repaint();
    },
    isOn: (state) => state.inverted,
  },
  {
    id: "reset-window",
    label: "Reset window and level",
    group: "View",
    keys: ["r"],
    perform: (editor) => editor.resetWindow(),
  },
  {
    id: "undo",
    label: "Undo",
    group: "Edit",
    keys: ["Ctrl+z"],
    repeats: true,
    perform: (editor) => void editor.undo(),
    isEnabled: (state) => state.canUndo,
  },
  {
    id: "redo",
    label: "Redo",
    group: "Edit",
    keys: ["Ctrl+y", "Ctrl+Shift+z"],
    repeats: true,
    perform: (editor) => void editor.redo(),
    isEnabled: (state) => state.canRedo,
  },
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
  const chord = `${ctrl ? "Ctrl+" : ""}${ctrl && event.shiftKey ? "Shift+" : ""}${name}`;
  const action = ACTIONS.find((known) => known.keys.includes(chord));
  return event.repeat && !action?.repeats ? undefined : action;
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
    .split("+")
    .map((part) => names[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join("+");
}
