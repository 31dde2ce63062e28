import { beforeEach, describe, expect, it, vi } from "vitest";
import { Keymap } from "./keymap";
import { type AccountKeys, KeymapAccount } from "./keymapAccount";
import { Refusal } from "./types";

const ACTIONS = [
  { id: "play", label: "Play", keys: [" "] },
  { id: "undo", label: "Undo", keys: ["Ctrl+z"] },
];

class Account implements AccountKeys {
  value: unknown = null;
  changed_at: string | null = null;
  isOut = false;
  async get() {
    if (this.isOut) throw new TypeError("no network");
    return { value: this.value, changed_at: this.changed_at };
  }
  async put(value: unknown, changedAt: string) {
    if (this.isOut) throw new TypeError("no network");
    if (this.changed_at && changedAt < this.changed_at)
      throw new Refusal("newer_preference", "A newer one.", 409);
    [this.value, this.changed_at] = [value, changedAt];
  }
}

class Browser {
  private readonly items = new Map<string, string>();
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
}

const notify = vi.fn();
let account: Account;

async function sitDown(browser: Browser, owner = "ada") {
  const keymap = new Keymap(ACTIONS, browser, owner);
  const kept = new KeymapAccount(keymap, account, notify);
  await kept.open();
  return { keymap, settle: () => kept.open() };
}

beforeEach(() => {
  account = new Account();
  notify.mockReset();
});

describe("keys on the account", () => {
  it("are found at another computer", async () => {
    const one = await sitDown(new Browser());
    one.keymap.bind("play", "f2");
    await one.settle();
    const other = await sitDown(new Browser());
    expect(other.keymap.keysOf("play")).toEqual([" ", "f2"]);
    other.keymap.bind("undo", "f4");
    await other.settle();
    await one.settle();
    expect(one.keymap.keysOf("undo")).toEqual(["Ctrl+z", "f4"]);
    expect(notify).not.toHaveBeenCalled();
  });

  it("stay in the browser while it is out of reach, and the newer ones win", async () => {
    const [here, there] = [new Browser(), new Browser()];
    const one = await sitDown(here);
    account.isOut = true;
    one.keymap.bind("play", "f2");
    await one.settle();
    expect(new Keymap(ACTIONS, here, "ada").keysOf("play")).toEqual([" ", "f2"]);
    account.isOut = false;
    const other = await sitDown(there);
    await new Promise((resolve) => setTimeout(resolve, 2));
    other.keymap.bind("play", "f9");
    await other.settle();
    const again = await sitDown(here);
    expect(again.keymap.keysOf("play")).toEqual([" ", "f9"]);
    expect(new Keymap(ACTIONS, here, "ada").keysOf("play")).toEqual([" ", "f9"]);
  });

  it("take over those that were chosen before there was an account for them", async () => {
    const browser = new Browser();
    const old = new Keymap(ACTIONS);
    old.bind("play", "f2");
    browser.setItem("cineloop.keymap", old.export());
    await sitDown(browser);
    expect(account.value).toMatchObject({ keys: { play: [" ", "f2"] } });
  });

  it("of somebody else at the same computer are not taken for one's own", async () => {
    const browser = new Browser();
    const ada = await sitDown(browser);
    ada.keymap.bind("play", "f2");
    await ada.settle();
    account = new Account();
    const bob = await sitDown(browser, "bob");
    expect(bob.keymap.keysOf("play")).toEqual([" "]);
    expect(account.value).toBeNull();
  });

  it("that cannot be meant are refused with a sentence, and the defaults stand", async () => {
    account.value = { format: "cineloop.keymap", version: 1, keys: { play: ["tab"] } };
    account.changed_at = "2026-01-01T00:00:00Z";
    const { keymap } = await sitDown(new Browser());
    expect(keymap.keysOf("play")).toEqual([" "]);
    expect(notify).toHaveBeenCalledWith("invalid_key", expect.stringContaining("the default keys stand"));
  });

  it("are asked for when another computer was quicker", async () => {
    const one = await sitDown(new Browser());
    account.value = { format: "cineloop.keymap", version: 1, keys: { play: ["f7"] } };
    account.changed_at = "2999-01-01T00:00:00.000Z";
    one.keymap.bind("play", "f2");
    await one.settle();
    expect(one.keymap.keysOf("play")).toEqual(["f7"]);
  });
});
