/** What is done at a place on the image: the context menu's own part. */

import type { Editor } from "../editor";
import { clamped } from "../tools/tool";
import type { Action, Place } from "./action";

function point(id: string, label: string, positive: boolean): Action {
  return {
    id,
    label,
    group: "Masks",
    keys: [],
    menu: "here",
    perform: (editor, at) => {
      const { x, y } = placeIn(editor, at);
      editor.addPoint({ x, y, positive });
    },
    isEnabled: (state) => state.canWrite,
  };
}

/** The place that is meant, brought into the image. */
function placeIn(editor: Editor, at: Place | undefined): Place {
  const place = at ?? editor.viewport?.pointedAt() ?? { x: 0, y: 0, clientX: 0, clientY: 0 };
  return { ...place, ...clamped(editor, place) };
}

export const PLACE_ACTIONS: readonly Action[] = [
  point("point-here", "Point in the structure, here", true),
  point("negative-here", "Point outside, here", false),
  {
    id: "label-here",
    label: "Choose the label that lies here",
    group: "Labels",
    keys: [],
    menu: "here",
    perform: (editor, at) => {
      const place = placeIn(editor, at);
      const [x, y] = [Math.floor(place.x), Math.floor(place.y)];
      const found = editor.labels.findLast((label) => {
        const mask = editor.document.pixels(label.index, editor.state.frameIndex);
        if (!mask || x < mask.x0 || y < mask.y0 || x >= mask.x0 + mask.width || y >= mask.y0 + mask.height)
          return false;
        return mask.bits[(y - mask.y0) * mask.width + (x - mask.x0)] === 1;
      });
      if (found) editor.set({ labelCode: found.code });
      else editor.notify("no_mask_here", "There is no mask at this place.");
    },
  },
  {
    id: "zoom-here",
    label: "Zoom in here",
    group: "View",
    keys: [],
    menu: "here",
    perform: (editor, at) => {
      const place = placeIn(editor, at);
      editor.viewport?.zoomAt(2, place.clientX, place.clientY);
    },
  },
];
