/** What the buttons and the wheel of a mouse do over the image. */

export const DRAGS = {
  tool: "the chosen tool",
  pan: "pan",
  zoom: "zoom",
  window: "window and level",
} as const;

export const WHEELS = {
  frames: "frames",
  zoom: "zoom",
  brush: "size of the brush",
} as const;

export type DragKind = keyof typeof DRAGS;
export type WheelKind = keyof typeof WHEELS;

export interface MouseMap {
  left: DragKind;
  middle: DragKind;
  right: DragKind;
  wheel: WheelKind;
  ctrlWheel: WheelKind;
}

/** What reading rooms are used to. */
export const DEFAULT_MOUSE: MouseMap = {
  left: "tool",
  middle: "pan",
  right: "zoom",
  wheel: "frames",
  ctrlWheel: "zoom",
};

export const MOUSE_PARTS: Record<keyof MouseMap, { label: string; choices: Record<string, string> }> = {
  left: { label: "Left button", choices: DRAGS },
  middle: { label: "Middle button", choices: DRAGS },
  right: { label: "Right button", choices: DRAGS },
  wheel: { label: "Wheel", choices: WHEELS },
  ctrlWheel: { label: "Ctrl and wheel", choices: WHEELS },
};

export function isDefaultMouse(mouse: MouseMap): boolean {
  return Object.entries(DEFAULT_MOUSE).every(([part, choice]) => mouse[part as keyof MouseMap] === choice);
}

/** Why a mouse cannot be used like this, if it cannot. */
export function whyNotMouse(mouse: MouseMap): string | undefined {
  const buttons = [mouse.left, mouse.middle, mouse.right];
  return buttons.includes("tool") ? undefined : "One button has to work the chosen tool.";
}

/** A mouse as it was written down, each part that is missing as it is by default; undefined where a part is unknown. */
export function mouseOf(given: unknown): MouseMap | undefined {
  if (given === undefined) return DEFAULT_MOUSE;
  if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
  for (const [part, choice] of Object.entries(given)) {
    const known = MOUSE_PARTS[part as keyof MouseMap];
    if (!known || typeof choice !== "string" || !Object.hasOwn(known.choices, choice)) return undefined;
  }
  return { ...DEFAULT_MOUSE, ...given };
}
