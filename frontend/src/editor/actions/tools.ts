/** Choosing a tool, and how it works. */

import type { ToolId } from "../state";
import { resizeBrush, setOptions } from "../tools/options";
import type { Action } from "./action";

function tool(id: ToolId, label: string, key: string): Action {
  return {
    id: `tool-${id}`,
    label,
    group: "Tools",
    keys: [key],
    perform: (editor) => editor.chooseTool(id),
    isOn: (state) => state.tool === id,
  };
}

const resize = (id: string, label: string, key: string, factor: number): Action => ({
  id,
  label,
  group: "Tools",
  keys: [key],
  repeats: true,
  perform: (editor) => resizeBrush(editor, factor),
});

export const TOOL_ACTIONS: readonly Action[] = [
  tool("positive", "Point in the structure", "p"),
  tool("negative", "Point outside (negative)", "n"),
  tool("box", "Box around the structure", "b"),
  tool("line", "Line along the longest diameter", "Shift+d"),
  tool("scribble", "Scribble along the structure", "x"),
  tool("centreline", "Centreline of a vessel", "c"),
  tool("brush", "Brush", "d"),
  tool("eraser", "Eraser", "e"),
  tool("lasso", "Lasso", "y"),
  tool("polygon", "Polygon", "j"),
  tool("move", "Move the mask", "Shift+m"),
  tool("warp", "Pull the mask", "Shift+w"),
  tool("split", "Split the label at a line", "Shift+s"),
  tool("resize", "Grow or shrink by a radius", "Shift+z"),
  tool("window", "Window and level", "w"),
  tool("pan", "Pan", "g"),
  {
    id: "crosshair",
    label: "Crosshair: the tool by arrows and Enter",
    group: "Tools",
    keys: ["Shift+x"],
    perform: (editor) => editor.crosshair.toggle(),
    isOn: (state) => state.crosshair !== null,
  },
  resize("brush-smaller", "Smaller brush", "[", 0.8),
  resize("brush-larger", "Larger brush", "]", 1.25),
  {
    id: "brush-shape",
    label: "Square brush",
    group: "Tools",
    keys: [],
    perform: (editor) =>
      setOptions(editor, { brushShape: editor.state.options.brushShape === "round" ? "square" : "round" }),
    isOn: (state) => state.options.brushShape === "square",
  },
  {
    id: "brush-limit",
    label: "Paint only grey values like the first",
    group: "Tools",
    keys: ["t"],
    perform: (editor) =>
      setOptions(editor, { limit: editor.state.options.limit === "around" ? "none" : "around" }),
    isOn: (state) => state.options.limit === "around",
  },
  {
    id: "centreline-mask",
    label: "Centreline draws a mask",
    group: "Tools",
    keys: [],
    perform: (editor) =>
      setOptions(editor, { centreline: editor.state.options.centreline === "mask" ? "prompts" : "mask" }),
    isOn: (state) => state.options.centreline === "mask",
  },
];
