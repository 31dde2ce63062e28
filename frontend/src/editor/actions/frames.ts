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
  {
    id: "slower",
    label: "Slower",
    group: "Frames",
    keys: [","],
    perform: (editor) => editor.playback.changeSpeed(-1),
  },
  {
    id: "faster",
    label: "Faster",
    group: "Frames",
    keys: ["."],
    perform: (editor) => editor.playback.changeSpeed(1),
  },
  {
    id: "loop",
    label: "Loop: begin here, end here, away",
    group: "Frames",
    keys: ["l"],
    perform: (editor) => editor.playback.markLoop(),
    isOn: (state) => state.loop !== null || state.loopStart !== null,
  },
  {
    id: "ping-pong",
    label: "Play to and fro",
    group: "Frames",
    keys: ["k"],
    perform: (editor) => editor.playback.setPingPong(!editor.state.pingPong),
    isOn: (state) => state.pingPong,
  },
];
