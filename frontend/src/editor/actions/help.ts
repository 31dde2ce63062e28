/** Finding one's way: the command palette, the keys, the menu, and what the screen shows in words. */

import type { Editor } from "../editor";
import type { Action } from "./action";

const ORIGINS = {
  HUMAN: "drawn",
  MODEL: "from prompts",
  PROPAGATED: "propagated",
  INTERPOLATED: "interpolated",
};

/** The frame in words, for those who hear the screen. */
export function describeFrame(editor: Editor): string {
  const { frameIndex } = editor.state;
  const masks = editor.labels.flatMap((label) => {
    const mask = editor.document.mask(label.index, frameIndex);
    return mask ? [`${label.name} ${ORIGINS[mask.provenance]}`] : [];
  });
  const parts = [
    `Frame ${frameIndex + 1} of ${editor.cine.frameCount}`,
    masks.length ? masks.join(", ") : "no masks",
    ...(editor.isAccepted(frameIndex) ? ["accepted"] : []),
    `drawing ${editor.label?.name ?? "nothing"}`,
    ...(editor.crosshair.at ? [`crosshair at ${editor.crosshair.words}`] : []),
  ];
  return `${parts.join("; ")}.`;
}

export const HELP_ACTIONS: readonly Action[] = [
  {
    id: "palette",
    label: "Find a command",
    group: "Help",
    keys: ["Ctrl+k"],
    perform: (editor) => editor.set({ overlay: "palette" }),
  },
  {
    id: "keys",
    label: "Keyboard and mouse",
    group: "Help",
    keys: ["?"],
    perform: (editor) => editor.set({ overlay: "keys" }),
  },
  {
    id: "menu",
    label: "Menu of the image",
    group: "Help",
    keys: ["contextmenu", "Shift+f10"],
    perform: (editor) => editor.set({ menu: editor.viewport?.pointedAt() ?? null }),
  },
  {
    id: "say-frame",
    label: "Say what this frame shows",
    group: "Help",
    keys: ["Shift+a"],
    perform: (editor) => editor.set({ said: { text: describeFrame(editor), at: Date.now() } }),
  },
];
