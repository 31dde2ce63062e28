/** The tools by name; panning belongs to the view, which alone knows where the image lies. */

import type { ToolId } from "../state";
import { brushTool } from "./brush";
import { centrelineTool } from "./centreline";
import { boxTool, lineTool } from "./drag";
import { lassoTool } from "./lasso";
import { moveTool, warpTool } from "./move";
import { pointTool } from "./point";
import { polygonTool } from "./polygon";
import { resizeTool } from "./resize";
import { scribbleTool } from "./scribble";
import { splitTool } from "./split";
import type { Tool } from "./tool";
import { windowTool } from "./window";

export type Tools = Record<Exclude<ToolId, "pan">, Tool> & { pan?: undefined };

export function createTools(): Tools {
  return {
    positive: pointTool(true),
    negative: pointTool(false),
    box: boxTool(),
    line: lineTool(),
    scribble: scribbleTool(),
    centreline: centrelineTool(),
    brush: brushTool(true),
    eraser: brushTool(false),
    lasso: lassoTool(),
    polygon: polygonTool(),
    move: moveTool(),
    warp: warpTool(),
    split: splitTool(),
    resize: resizeTool(),
    window: windowTool(),
  };
}

export type { Tool, ToolPoint } from "./tool";
