/** What the pointer does over the image: the chosen tool with the left button, pan with the middle, zoom with the right. */

import type { Editor } from "./editor";
import type { Tool, ToolPoint } from "./tools";
import type { Viewport } from "./viewport";

interface Drag {
  tool: Tool | null;
  kind: "tool" | "pan" | "zoom";
  x: number;
  y: number;
}

export class Pointer {
  /** The image point under the pointer. */
  hover: { x: number; y: number } | null = null;
  private readonly forget: Array<() => void> = [];
  private drag: Drag | null = null;

  constructor(
    private readonly editor: Editor,
    private readonly view: Viewport,
    private readonly host: HTMLElement,
  ) {
    this.on("pointerdown", (event) => this.down(event));
    this.on("pointermove", (event) => this.move(event));
    this.on("pointerup", (event) => this.up(event));
    this.on("pointercancel", () => this.cancel());
    this.on("pointerleave", () => {
      this.hover = null;
      view.schedule();
    });
    this.on("contextmenu", (event) => event.preventDefault());
    this.on("dblclick", (event) => {
      if (editor.state.tool === "pan") view.fit();
      editor.tool?.finish?.(editor, event.shiftKey);
      event.preventDefault();
    });
    this.on("wheel", (event) => this.wheel(event), { passive: false });
  }

  close(): void {
    for (const forget of this.forget) forget();
  }

  /** Give up a drag; returns whether there was one. */
  cancel(): boolean {
    const drag = this.drag;
    this.drag = null;
    drag?.tool?.cancel(this.editor);
    return drag !== null;
  }

  private on<K extends keyof HTMLElementEventMap>(
    kind: K,
    listener: (event: HTMLElementEventMap[K]) => void,
    options?: AddEventListenerOptions,
  ): void {
    this.host.addEventListener(kind, listener, options);
    this.forget.push(() => this.host.removeEventListener(kind, listener, options));
  }

  private pointOf(event: PointerEvent): ToolPoint {
    return { ...this.view.toImage(event), screenX: event.clientX, screenY: event.clientY, alt: event.altKey };
  }

  private down(event: PointerEvent): void {
    if (this.drag) return;
    const { tool } = this.editor.state;
    const kind =
      event.button === 1 || (event.button === 0 && tool === "pan")
        ? "pan"
        : event.button === 2
          ? "zoom"
          : "tool";
    if (this.editor.state.playing && kind === "tool" && tool !== "window") this.editor.pause();
    this.host.setPointerCapture(event.pointerId);
    this.drag = {
      tool: kind === "tool" && tool !== "pan" ? this.editor.tools[tool] : null,
      kind,
      x: event.clientX,
      y: event.clientY,
    };
    this.drag.tool?.down(this.editor, this.pointOf(event));
    event.preventDefault();
  }

  private move(event: PointerEvent): void {
    this.hover = this.view.toImage(event);
    const drag = this.drag;
    if (drag?.kind === "tool") drag.tool?.move(this.editor, this.pointOf(event));
    else if (drag) {
      if (drag.kind === "pan") this.view.panBy(event.clientX - drag.x, event.clientY - drag.y);
      else this.view.zoomAt(1.006 ** (drag.y - event.clientY));
      [drag.x, drag.y] = [event.clientX, event.clientY];
    } else this.editor.tool?.hover?.(this.editor, this.pointOf(event));
    this.view.schedule();
  }

  private up(event: PointerEvent): void {
    const drag = this.drag;
    this.drag = null;
    if (drag?.kind === "tool") drag.tool?.up(this.editor, this.pointOf(event));
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const { tool } = this.editor;
    // With Shift, a browser turns the wheel sideways.
    if (event.shiftKey && tool?.wheel) tool.wheel(this.editor, -Math.sign(event.deltaY || event.deltaX));
    else if (event.ctrlKey || event.metaKey)
      this.view.zoomAt(1.002 ** -event.deltaY, event.clientX, event.clientY);
    else if (event.deltaY) this.editor.step(Math.sign(event.deltaY));
  }
}
