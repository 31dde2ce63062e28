import { describe, expect, it } from "vitest";
import { ACTIONS, actionOfKey, keyName, releasedBy } from "./index";

const key = (name: string, change: Partial<KeyboardEvent> = {}) => ({
  key: name,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  repeat: false,
  ...change,
});

describe("the table of actions", () => {
  it("gives no key to two actions", () => {
    const keys = ACTIONS.flatMap((action) => action.keys);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(ACTIONS.map((action) => action.id)).size).toBe(ACTIONS.length);
  });

  it("finds actions by key, with Ctrl or Command", () => {
    expect(actionOfKey(key(" "))?.id).toBe("play");
    expect(actionOfKey(key("z", { ctrlKey: true }))?.id).toBe("undo");
    expect(actionOfKey(key("Z", { metaKey: true, shiftKey: true }))?.id).toBe("redo");
    expect(actionOfKey(key("z"))?.id).toBe("smooth");
    expect(actionOfKey(key("I", { shiftKey: true }))?.id).toBe("interpolate");
    expect(actionOfKey(key("+", { shiftKey: true }))?.id).toBe("grow");
    expect(actionOfKey(key("Q", { shiftKey: true }))).toBeUndefined();
    expect(actionOfKey(key("b", { altKey: true }))).toBeUndefined();
  });

  it("repeats only what may be repeated while a key is held", () => {
    expect(actionOfKey(key("ArrowRight", { repeat: true }))?.id).toBe("next-frame");
    expect(actionOfKey(key("Enter", { repeat: true }))).toBeUndefined();
  });

  it("ends a lasting action when its key goes up", () => {
    expect(releasedBy({ key: "H" }).map((action) => action.id)).toEqual(["hide-masks"]);
    expect(releasedBy({ key: "i" })).toEqual([]);
  });

  it("names keys for people", () => {
    expect([" ", "Ctrl+z", "arrowleft", "[", "+"].map(keyName)).toEqual(["Space", "Ctrl+Z", "←", "[", "+"]);
  });
});
