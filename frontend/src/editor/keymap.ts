/**
 * Which chord means which action: the defaults stand in the table of actions, and the reader's own choices win over
 * them. An own choice takes its chord from whatever has it by default, so that a new default never breaks a habit.
 */

import { createStore, type StoreApi } from "zustand/vanilla";
import { chordsOf, type KeyPress, keyName, normalise, whyNotBindable } from "./chords";
import { DEFAULT_MOUSE, type MouseMap, mouseOf, whyNotMouse } from "./mouse";

export const KEYMAP_FORMAT = "cineloop.keymap";
export const KEYMAP_VERSION = 1;
const STORAGE_KEY = "cineloop.keymap";
/** Whose keys are stored, and since when. */
const ORIGIN_KEY = "cineloop.keymap.origin";
const LARGEST_FILE = 64 * 1024;

/** What the key map needs to know of an action. */
export interface Bindable {
  id: string;
  label: string;
  keys: readonly string[];
}

export interface KeymapStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

export interface KeymapState {
  /** The chords of each action whose keys the reader has changed. */
  own: Readonly<Record<string, readonly string[]>>;
  mouse: MouseMap;
}

/** Something about keys that cannot be: a code, and a sentence for the reader. */
export class KeymapError extends Error {
  constructor(
    readonly code: "invalid_keymap" | "newer_keymap" | "key_conflict" | "invalid_key",
    message: string,
  ) {
    super(message);
  }
}

export class Keymap {
  readonly store: StoreApi<KeymapState>;
  /** When the reader chose these keys, in milliseconds since 1970; 0 for the defaults that nobody has chosen. */
  changedAt = 0;
  private readonly listeners = new Set<() => void>();

  /** @param owner user name of the reader: the keys of somebody else at this computer are not theirs */
  constructor(
    private readonly actions: readonly Bindable[],
    private readonly storage?: KeymapStorage,
    private readonly owner = "",
  ) {
    this.store = createStore<KeymapState>(() => ({ own: {}, mouse: DEFAULT_MOUSE }));
    this.load();
  }

  get mouse(): MouseMap {
    return this.store.getState().mouse;
  }

  /** The chords that an action has now. */
  keysOf(id: string): readonly string[] {
    const { own } = this.store.getState();
    return own[id] ?? this.defaultsOf(id).filter((chord) => !this.ownerOf(chord));
  }

  /** The action that a press of keys means. */
  find(press: KeyPress): string | undefined {
    for (const chord of chordsOf(press)) {
      const holder = this.holderOf(chord);
      if (holder) return holder.id;
    }
    return undefined;
  }

  /** The action that has a chord now. */
  holderOf(chord: string): Bindable | undefined {
    const owner = this.ownerOf(chord);
    return this.actions.find((action) =>
      owner ? action.id === owner : this.keysOf(action.id).includes(chord),
    );
  }

  isChanged(id: string): boolean {
    return this.store.getState().own[id] !== undefined;
  }

  /** The default chords of an action that the reader has given to others, and to which. */
  lostBy(id: string): { chord: string; to: Bindable }[] {
    if (this.isChanged(id)) return [];
    return this.defaultsOf(id).flatMap((chord) => {
      const to = this.holderOf(chord);
      return to && to.id !== id ? [{ chord, to }] : [];
    });
  }

  /** Give a chord to an action, taking it from the one that had it. */
  bind(id: string, written: string): void {
    const chord = normalise(written);
    const refusal = whyNotBindable(chord);
    if (refusal) throw new KeymapError("invalid_key", refusal);
    if (this.keysOf(id).includes(chord)) return;
    const own = { ...this.store.getState().own };
    for (const [other, chords] of Object.entries(own)) {
      if (chords.includes(chord)) own[other] = chords.filter((known) => known !== chord);
    }
    this.keep({ own: { ...own, [id]: [...this.keysOf(id), chord] } });
  }

  unbind(id: string, chord: string): void {
    const left = this.keysOf(id).filter((known) => known !== chord);
    this.keep({ own: { ...this.store.getState().own, [id]: left } });
  }

  /** Back to the default keys: of one action, or of everything with the mouse. */
  reset(id?: string): void {
    const own = { ...this.store.getState().own };
    if (id !== undefined) delete own[id];
    this.keep(id === undefined ? { own: {}, mouse: DEFAULT_MOUSE } : { own });
  }

  setMouse(change: Partial<MouseMap>): void {
    const mouse = { ...this.mouse, ...change };
    const refusal = whyNotMouse(mouse);
    if (refusal) throw new KeymapError("invalid_key", refusal);
    this.keep({ mouse });
  }

  /** The reader's choices as a file to carry to another browser. */
  export(): string {
    const { own, mouse } = this.store.getState();
    return `${JSON.stringify({ format: KEYMAP_FORMAT, version: KEYMAP_VERSION, keys: own, mouse }, null, 2)}\n`;
  }

  /**
   * Take the choices of a file in place of one's own.
   *
   * @returns ids of actions in the file that are not known here; their keys are left out.
   * @throws KeymapError when the file cannot be meant, or gives one chord to two actions; nothing changes then.
   */
  import(text: string): string[] {
    const { state, unknown } = this.parse(text);
    this.keep(state);
    return unknown;
  }

  /** Have a function called whenever the reader has changed something. */
  onKept(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Take what was chosen at another computer in place of one's own.
   *
   * @throws KeymapError when it cannot be meant; the defaults stand then.
   */
  adopt(text: string, changedAt: number): void {
    this.changedAt = changedAt;
    try {
      this.store.setState(this.parse(text).state);
    } catch (error) {
      this.store.setState({ own: {}, mouse: DEFAULT_MOUSE });
      throw error;
    }
    this.write();
  }

  /** Read what is stored: at the start, and when another tab has changed it. */
  load(): void {
    try {
      const origin = originOf(this.storage?.getItem(ORIGIN_KEY));
      const isTheirs = !origin.owner || !this.owner || origin.owner === this.owner;
      const text = isTheirs ? this.storage?.getItem(STORAGE_KEY) : null;
      // Before there were accounts for keys, nobody wrote down when they were chosen.
      this.changedAt = text ? origin.changedAt || 1 : 0;
      this.store.setState(text ? this.parse(text).state : { own: {}, mouse: DEFAULT_MOUSE });
    } catch {
      this.changedAt = 0;
      // What is stored cannot be read; the defaults stand, and it is overwritten only once the reader changes a key.
    }
  }

  private defaultsOf(id: string): string[] {
    return (this.actions.find((action) => action.id === id)?.keys ?? []).map(normalise);
  }

  /** The action that the reader's own choice gives a chord to. */
  private ownerOf(chord: string): string | undefined {
    const { own } = this.store.getState();
    return Object.keys(own).find((id) => own[id]?.includes(chord));
  }

  private keep(change: Partial<KeymapState>): void {
    this.store.setState(change);
    this.changedAt = Math.max(Date.now(), this.changedAt + 1);
    this.write();
    for (const listener of this.listeners) listener();
  }

  private write(): void {
    try {
      const origin = { owner: this.owner, changedAt: this.changedAt };
      this.storage?.setItem(ORIGIN_KEY, JSON.stringify(origin));
      this.storage?.setItem(STORAGE_KEY, this.export());
    } catch {
      // Private windows may refuse storage; the choice then lasts as long as the page.
    }
  }

  private parse(text: string): { state: KeymapState; unknown: string[] } {
    const bad = (why: string) => new KeymapError("invalid_keymap", `This is not a file of keys: ${why}.`);
    if (text.length > LARGEST_FILE) throw bad("it is too large");
    let file: Record<string, unknown>;
    try {
      file = JSON.parse(text);
    } catch {
      throw bad("it is not JSON");
    }
    if (file?.format !== KEYMAP_FORMAT) throw bad(`its format is not “${KEYMAP_FORMAT}”`);
    if (typeof file.version !== "number" || !Number.isInteger(file.version) || file.version < 1)
      throw bad("it has no version");
    if (file.version > KEYMAP_VERSION)
      throw new KeymapError("newer_keymap", "This file of keys was made by a newer CineLoop.");
    const { keys } = file;
    if (typeof keys !== "object" || keys === null || Array.isArray(keys)) throw bad("it has no keys");
    const mouse = mouseOf(file.mouse);
    if (!mouse) throw bad("it says something unknown of the mouse");
    const refusal = whyNotMouse(mouse);
    if (refusal) throw new KeymapError("invalid_keymap", refusal);
    return {
      state: { own: this.ownOf(keys as Record<string, unknown>), mouse },
      unknown: this.unknownIn(keys),
    };
  }

  private unknownIn(keys: object): string[] {
    return Object.keys(keys).filter((id) => !this.actions.some((action) => action.id === id));
  }

  private ownOf(keys: Record<string, unknown>): Record<string, string[]> {
    const own: Record<string, string[]> = {};
    const holders = new Map<string, string>();
    for (const action of this.actions) {
      if (!Object.hasOwn(keys, action.id)) continue;
      const given = keys[action.id];
      if (!Array.isArray(given) || given.length > 8 || given.some((chord) => typeof chord !== "string"))
        throw new KeymapError("invalid_keymap", `The keys of “${action.label}” are not a short list.`);
      own[action.id] = [];
      for (const written of given) {
        const chord = normalise(written);
        const refusal = whyNotBindable(chord);
        if (refusal) throw new KeymapError("invalid_key", `“${action.label}”: ${refusal}`);
        const holder = holders.get(chord);
        if (holder)
          throw new KeymapError(
            "key_conflict",
            `${keyName(chord)} is given to both “${holder}” and “${action.label}”.`,
          );
        holders.set(chord, action.label);
        own[action.id]?.push(chord);
      }
    }
    return own;
  }
}

function originOf(text: string | null | undefined): { owner: string; changedAt: number } {
  const found: unknown = text ? JSON.parse(text) : {};
  const { owner, changedAt } = (found ?? {}) as Record<string, unknown>;
  return {
    owner: typeof owner === "string" ? owner : "",
    changedAt: typeof changedAt === "number" && changedAt > 0 ? changedAt : 0,
  };
}
