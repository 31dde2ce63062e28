import { describe, expect, it, vi } from "vitest";
import { normalise } from "../chords";
import type { Editor } from "../editor";
import { createEditorStore } from "../state";
import { ACTIONS, actionOf, actionsFor, BINDABLE, GROUPS, keyName, whyNot } from "./index";

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
    const made = actionsFor(LABELS).slice(ACTIONS.length);
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
    expect(why("undo", { canWrite: true, canUndo: false })).toBe("There is nothing to undo.");
    expect(why("play", { canWrite: false, readingStatus: "SUBMITTED" })).toBeUndefined();
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
