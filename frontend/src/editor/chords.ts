/** Chords: what a press of keys may mean on any keyboard, how it is written down, and how people read it. */

export interface KeyPress {
  key: string;
  /** The place of the key on the keyboard, whatever its layout. */
  code?: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
  repeat?: boolean;
}

const CHORD = /^((?:(?:Ctrl|Shift)\+)*)(.+)$/is;
const MODIFIERS = new Set(["control", "shift", "alt", "meta", "altgraph", "capslock", "dead", "process"]);

/** A printable sign that is no letter: whether it needs Shift, AltGr or Option is a matter of the layout. */
function isSymbol(key: string): boolean {
  return key.length === 1 && !/[\p{L}\s]/u.test(key);
}

/** One way to write a chord: `Ctrl+` before `Shift+`, the key as `KeyboardEvent.key` in lower case. */
export function normalise(chord: string): string {
  const [, modifiers = "", key = ""] = CHORD.exec(chord) ?? [];
  const has = (name: string) => modifiers.toLowerCase().includes(name);
  return `${has("ctrl") ? "Ctrl+" : ""}${has("shift") ? "Shift+" : ""}${key.toLowerCase()}`;
}

/** What a key means where its own sign is not the one that is bound: letters of other scripts, digits that need Shift. */
function latin(press: KeyPress): string | undefined {
  const key = press.key.toLowerCase();
  const letter = /^Key([A-Z])$/.exec(press.code ?? "")?.[1]?.toLowerCase();
  if (letter && key.length === 1 && !/[ -~]/.test(key)) return letter;
  const digit = /^Digit([0-9])$/.exec(press.code ?? "")?.[1];
  return digit && !press.shiftKey && key !== digit ? digit : undefined;
}

function controlOf(press: KeyPress): string {
  return (press.ctrlKey || press.metaKey) && !press.altKey ? "Ctrl+" : "";
}

/** The chords that a press may stand for, the most exact first; none while only modifiers are down or with Alt. */
export function chordsOf(press: KeyPress): string[] {
  const key = press.key.toLowerCase();
  if (MODIFIERS.has(key) || (press.altKey && !isSymbol(key))) return [];
  const control = controlOf(press);
  const chords: string[] = [];
  for (const name of [key, latin(press)]) {
    if (name === undefined) continue;
    if (press.shiftKey) chords.push(`${control}Shift+${name}`);
    if (!press.shiftKey || isSymbol(name)) chords.push(`${control}${name}`);
  }
  return chords;
}

/** The chord to write down for a press; a symbol carries its Shift in itself. */
export function recordedChord(press: KeyPress): string | undefined {
  const key = press.key.toLowerCase();
  if (chordsOf(press).length === 0) return undefined;
  const name = isSymbol(key) ? key : (latin(press) ?? key);
  return `${controlOf(press)}${press.shiftKey && !isSymbol(key) ? "Shift+" : ""}${name}`;
}

const NAMES: Record<string, string> = {
  " ": "Space",
  arrowleft: "←",
  arrowright: "→",
  arrowup: "↑",
  arrowdown: "↓",
  escape: "Esc",
  delete: "Del",
  backspace: "⌫",
  enter: "Enter",
  home: "Home",
  end: "End",
  pageup: "PageUp",
  pagedown: "PageDown",
  contextmenu: "Menu",
};

/** Words for a chord, as they stand on buttons and in lists. */
export function keyName(chord: string): string {
  const [, modifiers = "", key = ""] = CHORD.exec(chord) ?? [];
  const isPlain = key.length === 1 || /^f\d+$/.test(key);
  return modifiers + (NAMES[key] ?? (isPlain ? key.toUpperCase() : key));
}

const BROWSERS_OWN = new Set([
  "Ctrl+w",
  "Ctrl+t",
  "Ctrl+n",
  "Ctrl+Shift+w",
  "Ctrl+Shift+t",
  "Ctrl+Shift+n",
  "f11",
]);

const NAMED = /^(f\d{1,2}|insert|(media|audio|browser|launch)\w+)$/;

/** Why a chord cannot be given to anything, if it cannot. */
export function whyNotBindable(chord: string): string | undefined {
  const [, modifiers, key = ""] = CHORD.exec(chord) ?? [];
  if (key === "tab") return "Tab moves from one control to the next, for those who read without a mouse.";
  const isKey = [...key].length === 1 || Object.hasOwn(NAMES, key) || NAMED.test(key);
  if (modifiers === undefined || !isKey || normalise(chord) !== chord)
    return `“${chord.slice(0, 40)}” is not a key.`;
  if (BROWSERS_OWN.has(chord)) return `The browser keeps ${keyName(chord)} for itself.`;
  return undefined;
}
