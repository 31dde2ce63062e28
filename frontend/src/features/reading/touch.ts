/**
 * Which controls were only touched with the pointer: they do not keep the keyboard, so that Space plays again and the
 * arrows move the frame. It is decided when a key comes, from what has been seen by then, and so needs no timer.
 */

const MODIFIERS = ["Shift", "Control", "Alt", "AltGraph", "Meta"];

export class TouchedControls {
  /** What had the focus from the pointer last, however often a dialog has given it back since. */
  private readonly touched = new WeakSet<Element>();
  private by: "pointer" | "tab" | "program" = "program";

  constructor(private readonly page: Window) {
    page.addEventListener("pointerdown", this.point, true);
    page.addEventListener("focusin", this.focus, true);
  }

  close(): void {
    this.page.removeEventListener("pointerdown", this.point, true);
    this.page.removeEventListener("focusin", this.focus, true);
  }

  /**
   * Take the focus from a control that was only touched, before anything answers to the key that comes.
   *
   * @param keeps whether a control has its own use for every key, such as a field
   * @returns the control, if there was one
   */
  release(key: string, keeps: (control: Element) => boolean): Element | null {
    if (MODIFIERS.includes(key)) return null;
    this.by = key === "Tab" ? "tab" : "program";
    const focused = this.page.document.activeElement;
    if (this.by === "tab" || !(focused instanceof HTMLElement) || !this.touched.has(focused)) return null;
    if (keeps(focused)) return null;
    focused.blur();
    return focused;
  }

  private readonly point = ({ target }: Event) => {
    this.by = "pointer";
    const { activeElement: focused, body } = this.page.document;
    // What has the focus already does not get it anew.
    if (focused && focused !== body && target instanceof Node && focused.contains(target))
      this.touched.add(focused);
  };

  private readonly focus = ({ target }: Event) => {
    if (!(target instanceof Element) || this.by === "program") return;
    if (this.by === "pointer") this.touched.add(target);
    else this.touched.delete(target);
  };
}
