import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TouchedControls } from "./touch";

let controls: TouchedControls;
let [one, other]: HTMLButtonElement[] = [];

const never = () => false;
/** As a browser does it: what is pressed gets the focus on the way down. */
function touch(control: HTMLElement) {
  control.dispatchEvent(new Event("pointerdown", { bubbles: true }));
  control.focus();
}

beforeEach(() => {
  document.body.innerHTML = "<button>one</button><button>other</button>";
  [one, other] = [...document.querySelectorAll("button")];
  controls = new TouchedControls(window);
});
afterEach(() => controls.close());

describe("a control that was only touched", () => {
  it("loses the focus with the next key, and at once", () => {
    if (one) touch(one);
    expect(controls.release(" ", never)).toBe(one);
    expect(document.activeElement).toBe(document.body);
    expect(controls.release(" ", never)).toBeNull();
  });

  it("keeps it for a modifier, for Tab, and where it needs every key", () => {
    if (one) touch(one);
    expect(controls.release("Shift", never)).toBeNull();
    expect(controls.release("a", () => true)).toBeNull();
    expect(controls.release("Tab", never)).toBeNull();
    expect(document.activeElement).toBe(one);
  });

  it("is so again when a dialog that a key has closed gives the focus back", () => {
    if (one) touch(one);
    controls.release("Escape", () => true);
    other?.focus();
    one?.focus();
    expect(controls.release(" ", never)).toBe(one);
  });

  it("is so when it had the focus already", () => {
    one?.focus();
    expect(controls.release("x", never)).toBeNull();
    if (one) touch(one);
    expect(controls.release("x", never)).toBe(one);
  });
});

describe("a control that Tab or the program has reached", () => {
  it("keeps its keys", () => {
    if (other) touch(other);
    controls.release("Tab", never);
    one?.focus();
    expect(controls.release(" ", never)).toBeNull();
    other?.focus();
    controls.release("Tab", never);
    other?.blur();
    other?.focus();
    expect(controls.release(" ", never)).toBeNull();
  });
});
