import { beforeEach, describe, expect, it } from "vitest";
import type { KeyPress } from "./chords";
import { Keymap, KeymapError, type KeymapStorage } from "./keymap";
import { DEFAULT_MOUSE, MOUSE_PARTS, type MouseMap } from "./mouse";

const ACTIONS = [
  { id: "brush", label: "Brush", keys: ["d"] },
  { id: "box", label: "Box", keys: ["b"] },
  { id: "clear", label: "Clear", keys: ["delete", "backspace"] },
  { id: "redo", label: "Redo", keys: ["Ctrl+y", "Shift+Ctrl+z"] },
  { id: "here", label: "Point here", keys: [] },
];

const press = (key: string, change: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...change,
});

class Memory implements KeymapStorage {
  readonly items = new Map<string, string>();
  getItem(key: string) {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string) {
    this.items.set(key, value);
  }
}

const file = (change: object) =>
  JSON.stringify({ format: "cineloop.keymap", version: 1, keys: {}, ...change });

/** The code of the refusal of a file. */
function refusalOf(keymap: Keymap, text: string): string {
  try {
    keymap.import(text);
  } catch (error) {
    if (error instanceof KeymapError) return error.code;
    throw error;
  }
  return "";
}

let storage: Memory;
let keymap: Keymap;

beforeEach(() => {
  storage = new Memory();
  keymap = new Keymap(ACTIONS, storage);
});

describe("Keymap", () => {
  it("begins with the keys of the table", () => {
    expect(keymap.find(press("d"))).toBe("brush");
    expect(keymap.find(press("Z", { ctrlKey: true, shiftKey: true }))).toBe("redo");
    expect(keymap.find(press("q"))).toBeUndefined();
  });

  it("gives a key to another action, says who lost it, and takes it back", () => {
    keymap.bind("brush", "b");
    expect(keymap.find(press("b"))).toBe("brush");
    expect(keymap.keysOf("brush")).toEqual(["d", "b"]);
    expect(keymap.keysOf("box")).toEqual([]);
    expect(keymap.lostBy("box")).toEqual([{ chord: "b", to: ACTIONS[0] }]);
    keymap.reset("brush");
    expect(keymap.find(press("b"))).toBe("box");
    expect(keymap.lostBy("box")).toEqual([]);
  });

  it("takes a key from an action whose keys were changed too", () => {
    keymap.bind("box", "x");
    keymap.bind("here", "x");
    expect(keymap.find(press("x"))).toBe("here");
    expect(keymap.keysOf("box")).toEqual(["b"]);
  });

  it("can leave an action without keys", () => {
    keymap.unbind("clear", "backspace");
    expect(keymap.keysOf("clear")).toEqual(["delete"]);
    expect(keymap.find(press("Backspace"))).toBeUndefined();
  });

  it("refuses keys that cannot be given", () => {
    expect(() => keymap.bind("brush", "tab")).toThrow(KeymapError);
    expect(() => keymap.bind("brush", "Ctrl+w")).toThrow("browser");
    expect(keymap.isChanged("brush")).toBe(false);
  });

  it("is kept in storage, and read from there", () => {
    keymap.bind("brush", "q");
    keymap.setMouse({ wheel: "zoom" });
    const again = new Keymap(ACTIONS, storage);
    expect(again.find(press("q"))).toBe("brush");
    expect(again.mouse.wheel).toBe("zoom");
  });

  it("follows what another tab has stored", () => {
    const other = new Keymap(ACTIONS, storage);
    other.bind("brush", "q");
    keymap.load();
    expect(keymap.find(press("q"))).toBe("brush");
  });

  it("stands without storage, and with storage that fails or holds rubbish", () => {
    const broken: KeymapStorage = {
      getItem: () => "{",
      setItem: () => {
        throw new Error("quota");
      },
    };
    for (const made of [new Keymap(ACTIONS), new Keymap(ACTIONS, broken)]) {
      expect(made.find(press("d"))).toBe("brush");
      made.bind("brush", "q");
      expect(made.find(press("q"))).toBe("brush");
    }
  });

  it("keeps a button for the tool", () => {
    expect(() => keymap.setMouse({ left: "pan" })).toThrow("chosen tool");
    keymap.setMouse({ right: "tool" });
    keymap.setMouse({ left: "pan" });
    expect(keymap.mouse.left).toBe("pan");
  });

  it("resets everything", () => {
    keymap.bind("brush", "q");
    keymap.setMouse({ middle: "window" });
    keymap.reset();
    expect(keymap.store.getState()).toEqual({ own: {}, mouse: DEFAULT_MOUSE });
  });

  it("brings any choices back from its own file", () => {
    let seed = 11;
    const random = (count: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * count);
    };
    const pick = <T>(items: readonly T[]) => items[random(items.length)] as T;
    const keys = ["a", "b", "d", "q", "?", "Shift+h", "Ctrl+arrowup", "enter", "+", "f8"];
    for (let round = 0; round < 300; round++) {
      const id = pick(ACTIONS).id;
      const what = random(5);
      if (what < 2) keymap.bind(id, pick(keys));
      else if (what === 2) keymap.unbind(id, pick([...keymap.keysOf(id), "b"]));
      else if (what === 3) keymap.reset(id);
      else {
        const part = pick(Object.keys(MOUSE_PARTS) as (keyof MouseMap)[]);
        if (part !== "left") keymap.setMouse({ [part]: pick(Object.keys(MOUSE_PARTS[part].choices)) });
      }
      const other = new Keymap(ACTIONS);
      expect(other.import(keymap.export())).toEqual([]);
      expect(other.store.getState()).toEqual(keymap.store.getState());
      // Whatever was done, a chord means one thing.
      const held = ACTIONS.flatMap((action) => keymap.keysOf(action.id));
      expect(new Set(held).size).toBe(held.length);
      for (const action of ACTIONS)
        for (const chord of keymap.keysOf(action.id)) expect(keymap.holderOf(chord)?.id).toBe(action.id);
    }
  });

  it("says what it does not know in a file, and takes the rest", () => {
    expect(keymap.import(file({ keys: { brush: ["Q"], laser: ["l"] } }))).toEqual(["laser"]);
    expect(keymap.find(press("q"))).toBe("brush");
  });

  it("refuses files that cannot be meant, and changes nothing then", () => {
    keymap.bind("brush", "q");
    const before = keymap.export();
    const refused: [string, string][] = [
      ["", "invalid_keymap"],
      ["null", "invalid_keymap"],
      ["[]", "invalid_keymap"],
      [file({ format: "other" }), "invalid_keymap"],
      [file({ version: 0 }), "invalid_keymap"],
      [file({ version: "1" }), "invalid_keymap"],
      [file({ version: 2 }), "newer_keymap"],
      [file({ keys: [] }), "invalid_keymap"],
      [file({ keys: { brush: "q" } }), "invalid_keymap"],
      [file({ keys: { brush: [1] } }), "invalid_keymap"],
      [file({ keys: { brush: Array(9).fill("q") } }), "invalid_keymap"],
      [file({ keys: { brush: ["tab"] } }), "invalid_key"],
      [file({ keys: { brush: ["nonsense"] } }), "invalid_key"],
      [file({ keys: { brush: ["x"], box: ["X"] } }), "key_conflict"],
      [file({ keys: { brush: ["x", "x"] } }), "key_conflict"],
      [file({ mouse: { wheel: "teapot" } }), "invalid_keymap"],
      [file({ mouse: { wheel: "toString" } }), "invalid_keymap"],
      [file({ mouse: { tail: "zoom" } }), "invalid_keymap"],
      [file({ mouse: { left: "pan" } }), "invalid_keymap"],
      [file({ mouse: [] }), "invalid_keymap"],
      [file({ padding: "x".repeat(70_000) }), "invalid_keymap"],
    ];
    for (const [text, code] of refused)
      expect([text.slice(0, 80), refusalOf(keymap, text)]).toEqual([text.slice(0, 80), code]);
    expect(keymap.export()).toBe(before);
  });

  it("names both sides of a conflict", () => {
    expect(() => keymap.import(file({ keys: { brush: ["x"], box: ["x"] } }))).toThrow(/“Brush”.*“Box”/);
  });
});
