/** The tools by name; panning belongs to the view, which alone knows where the image lies. */

import type { ToolId } from "../state";
import { boxTool } from "./box";
import { brushTool } from "./brush";
import { lineTool } from "./line";
import { pointTool } from "./point";
import type { Tool } from "./tool";
import { windowTool } from "./window";

export function createTools(): Record<Exclude<ToolId, "pan">, Tool> {
  return {
    positive: pointTool(true),
    negative: pointTool(false),
    box: boxTool(),
    line: lineTool(),
    brush: brushTool(true),
    eraser: brushTool(false),
    window: windowTool(),
  };
}

export type { Tool, ToolPoint } from "./tool";
