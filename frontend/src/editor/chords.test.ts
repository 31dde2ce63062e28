import { describe, expect, it } from "vitest";
import { chordsOf, type KeyPress, normalise, recordedChord, whyNotBindable } from "./chords";

const press = (key: string, change: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...change,
});

describe("chords", () => {
  it("tells letters and named keys with Shift from those without", () => {
    expect(chordsOf(press("h"))).toEqual(["h"]);
    expect(chordsOf(press("H"))).toEqual(["h"]); // Caps Lock
    expect(chordsOf(press("H", { shiftKey: true }))).toEqual(["Shift+h"]);
    expect(chordsOf(press("ArrowLeft", { shiftKey: true, ctrlKey: true }))).toEqual(["Ctrl+Shift+arrowleft"]);
    expect(chordsOf(press("Z", { shiftKey: true, metaKey: true }))).toEqual(["Ctrl+Shift+z"]);
  });

  it("finds symbols wherever a layout keeps them", () => {
    expect(chordsOf(press("?", { shiftKey: true }))).toContain("?");
    expect(chordsOf(press("[", { altKey: true, ctrlKey: true }))).toContain("["); // AltGr
    expect(chordsOf(press("[", { altKey: true }))).toContain("["); // Option
    expect(chordsOf(press("&", { code: "Digit1" }))).toEqual(["&", "1"]); // the digit row of a French keyboard
    expect(chordsOf(press("!", { code: "Digit1", shiftKey: true }))).not.toContain("1");
    expect(chordsOf(press("б", { code: "KeyB" }))).toEqual(["б", "b"]);
  });

  it("leaves Alt and lone modifiers alone", () => {
    expect(chordsOf(press("b", { altKey: true }))).toEqual([]);
    expect(chordsOf(press("Shift", { shiftKey: true }))).toEqual([]);
    expect(recordedChord(press("Control", { ctrlKey: true }))).toBeUndefined();
  });

  it("records what it will find again", () => {
    const keys = ["a", "z", "?", "[", "+", "1", " ", "Enter", "ArrowUp", "F7", "é", "ж"];
    for (const key of keys)
      for (const shiftKey of [false, true])
        for (const ctrlKey of [false, true]) {
          const made = press(shiftKey && key.length === 1 ? key.toUpperCase() : key, { shiftKey, ctrlKey });
          const chord = recordedChord(made);
          expect(chordsOf(made)).toContain(chord);
          expect(normalise(chord ?? "")).toBe(chord);
          expect(whyNotBindable(chord ?? "")).toBeUndefined();
        }
  });

  it("writes a chord in one way", () => {
    expect(normalise("Shift+Ctrl+Z")).toBe("Ctrl+Shift+z");
    expect(normalise("Ctrl++")).toBe("Ctrl++");
  });

  it("refuses what is no key, what the browser keeps, and Tab", () => {
    expect(whyNotBindable("hello")).toContain("not a key");
    expect(whyNotBindable("")).toContain("not a key");
    expect(whyNotBindable("Ctrl+")).toContain("not a key");
    expect(whyNotBindable("Shift+Ctrl+z")).toContain("not a key");
    expect(whyNotBindable("Ctrl+w")).toContain("browser");
    expect(whyNotBindable("Shift+tab")).toContain("Tab");
  });
});
