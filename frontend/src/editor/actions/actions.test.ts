import { describe, expect, it, vi } from "vitest";
import { type KeyPress, normalise } from "../chords";
import type { Editor } from "../editor";
import { Keymap } from "../keymap";
import { createEditorStore } from "../state";
import type { WriterInfo } from "../types";
import { actionOf, actionsFor, BINDABLE, GROUPS, keyName, whyNot } from "./index";

const LABELS = [
  { code: "lumen", name: "Lumen", colour: "#ff0000", index: 1 },
  { code: "plaque", name: "Plaque", colour: "#00ff00", index: 2 },
];

describe("the table of actions", () => {
  it("gives no key to two actions, and writes every key in the one way", () => {
    const keys = BINDABLE.flatMap((action) => action.keys.map(normalise));
    expect(keys.filter((key, place) => keys.indexOf(key) !== place)).toEqual([]);
    expect(new Set(BINDABLE.map((action) => action.id)).size).toBe(BINDABLE.length);
    expect(BINDABLE.filter((action) => !GROUPS.includes(action.group))).toEqual([]);
  });

  it("makes an action of each label, on the digit of its place", () => {
    const made = actionsFor(LABELS).filter((action) => action.id.startsWith("label-") && action.keys.length);
    expect(made.map((action) => [action.id, action.label, action.keys])).toEqual([
      ["label-1", "Label: Lumen", ["1"]],
      ["label-2", "Label: Plaque", ["2"]],
    ]);
    const set = vi.fn();
    made[1]?.perform({ set } as unknown as Editor);
    expect(set).toHaveBeenCalledWith({ labelCode: "plaque" });
  });

  it("says why something cannot be done", () => {
    const why = (id: string, change: object) => whyNot(actionOf(id), createEditorStore(change).getState());
    expect(why("accept", { canWrite: true })).toBeUndefined();
    expect(why("accept", { canWrite: false, readingStatus: "SUBMITTED" })).toContain("submitted");
    expect(why("accept", { canWrite: false, readingStatus: "LOCKED" })).toContain("locked");
    expect(why("accept", { canWrite: false, readingStatus: "DRAFT" })).toContain("not change");
    const otherWriter = { token: "t", device: "a tablet", since: "2024-01-01T00:00:00Z" } as WriterInfo;
    expect(why("smooth", { canWrite: false, otherWriter })).toContain("take over");
    expect(why("mask-left", { canWrite: false, readingStatus: "SUBMITTED" })).toBe(
      "Show the subtraction first.",
    );
    expect(why("undo", { canWrite: true, canUndo: false })).toBe("There is nothing to undo.");
    expect(why("play", { canWrite: false, readingStatus: "SUBMITTED" })).toBeUndefined();
  });

  it("finds every key as a keyboard sends it", () => {
    const keymap = new Keymap(BINDABLE);
    const pressed = (key: string, change: Partial<KeyPress> = {}) =>
      keymap.find({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...change });
    expect(pressed(" ")).toBe("play");
    expect(pressed("z")).toBe("smooth");
    expect(pressed("z", { ctrlKey: true })).toBe("undo");
    expect(pressed("Z", { metaKey: true, shiftKey: true })).toBe("redo");
    expect(pressed("+", { shiftKey: true })).toBe("grow");
    expect(pressed("=")).toBe("grow");
    expect(pressed("-")).toBe("shrink");
    expect(pressed("I", { shiftKey: true })).toBe("interpolate");
    expect(pressed("W", { shiftKey: true })).toBe("tool-warp");
    expect(pressed("A", { shiftKey: true })).toBe("say-frame");
    expect(pressed("ArrowRight", { shiftKey: true })).toBe("copy-next");
    expect(pressed("ArrowLeft", { ctrlKey: true, shiftKey: true })).toBe("previous-unannotated");
    expect(pressed("PageUp", { shiftKey: true })).toBe("previous-key");
    expect(pressed("Q", { shiftKey: true })).toBeUndefined();
    expect(pressed("b", { altKey: true })).toBeUndefined();
  });

  it("names keys for people", () => {
    expect([" ", "Ctrl+z", "arrowleft", "[", "Shift++", "f10"].map(keyName)).toEqual([
      "Space",
      "Ctrl+Z",
      "←",
      "[",
      "Shift++",
      "F10",
    ]);
  });
});
