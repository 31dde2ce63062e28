/** Moving through the cine. */

import type { Action } from "./action";

export const FRAME_ACTIONS: readonly Action[] = [
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
];
