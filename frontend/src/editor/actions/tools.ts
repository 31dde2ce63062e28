/** Choosing a tool, and its size. */

import type { ToolId } from "../state";
import type { Action } from "./action";

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

export const TOOL_ACTIONS: readonly Action[] = [
  tool("positive", "Point in the structure", "p"),
  tool("negative", "Point outside (negative)", "n"),
  tool("box", "Box around the structure", "b"),
  tool("line", "Line along the longest diameter", "l"),
  tool("brush", "Brush", "d"),
  tool("eraser", "Eraser", "e"),
  tool("window", "Window and level", "w"),
  tool("pan", "Pan", "g"),
  resize("brush-smaller", "Smaller brush", "[", 0.8),
  resize("brush-larger", "Larger brush", "]", 1.25),
];
