/** What pointers do over the image: the buttons of a mouse as the key map has them, fingers and a pen as Contacts says. */

import { actionOf, type Place } from "./actions";
import { type Contact, Contacts, type Order } from "./contacts";
import type { Editor } from "./editor";
import type { DragKind, WheelKind } from "./mouse";
import type { Tool, ToolPoint } from "./tools";
import type { Viewport } from "./viewport";

interface Drag {
  tool: Tool | null;
  kind: DragKind;
  x: number;
  y: number;
  /** Whether it has left the place where it began: until then it may be a click. */
  hasMoved: boolean;
  opensMenu: boolean;
}

/** CSS pixels that a hand may shake while it clicks. */
const CLICK_REACH = 4;
/** CSS pixels of the wheel that make one frame: a notch of a mouse is more, a touchpad sends many small ones. */
const WHEEL_STEP = 40;
const ERASER_END = 32;

export class Pointer {
  /** The image point under the pointer. */
  hover: { x: number; y: number } | null = null;
  private readonly contacts = new Contacts();
  private readonly forget: Array<() => void> = [];
  private drag: Drag | null = null;
  private at: { clientX: number; clientY: number } | null = null;
  private wheelled = 0;

  constructor(
    private readonly editor: Editor,
    private readonly view: Viewport,
    private readonly host: HTMLElement,
  ) {
    this.on("pointerdown", (event) => {
      if (isContact(event)) this.follow(this.contacts.down(contactOf(event)), event);
      else this.begin(editor.keymap.mouse[BUTTONS[event.button] ?? "left"], event);
      event.preventDefault();
    });
    this.on("pointermove", (event) => {
      this.hover = view.toImage(event);
      this.at = event;
      if (isContact(event)) this.follow(this.contacts.move(contactOf(event)), event);
      else this.move(event);
      view.schedule();
    });
    this.on("pointerup", (event) => {
      if (isContact(event)) this.follow(this.contacts.up(contactOf(event)), event);
      else this.end(event);
    });
    this.on("pointercancel", (event) => {
      if (isContact(event)) this.follow(this.contacts.up(contactOf(event), true), event);
      else this.cancel();
    });
    this.on("pointerleave", () => {
      this.hover = null;
      this.at = null;
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

  /** Where the pointer is over the image, or the middle of what is shown. */
  pointedAt(): Place {
    const box = this.host.getBoundingClientRect();
    const { clientX, clientY } = this.at ?? {
      clientX: box.left + box.width / 2,
      clientY: box.top + box.height / 2,
    };
    return { ...this.view.toImage({ clientX, clientY }), clientX, clientY };
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
    return {
      ...this.view.toImage(event),
      screenX: event.clientX,
      screenY: event.clientY,
      alt: event.altKey || (event.buttons & ERASER_END) !== 0,
      ...(event.pointerType === "pen" && { pressure: event.pressure }),
    };
  }

  private follow(orders: readonly Order[], event: PointerEvent): void {
    for (const order of orders) {
      if (order.do === "begin") this.begin(order.as, event);
      else if (order.do === "drag") this.move(event);
      else if (order.do === "end") this.end(event);
      else if (order.do === "giveUp") this.cancel();
      else {
        this.view.panBy(order.dx, order.dy);
        this.view.zoomAt(order.factor, order.x, order.y);
      }
    }
  }

  private begin(kind: DragKind, event: PointerEvent): void {
    if (this.drag) return;
    this.editor.crosshair.leave();
    const chosen = this.editor.state.tool;
    const does = kind === "tool" && (chosen === "pan" || chosen === "window") ? chosen : kind;
    if (this.editor.state.playing && does === "tool") this.editor.pause();
    this.host.setPointerCapture(event.pointerId);
    const name = does === "tool" ? chosen : does;
    this.drag = {
      tool: name === "pan" || name === "zoom" ? null : this.editor.tools[name],
      kind: does,
      x: event.clientX,
      y: event.clientY,
      hasMoved: false,
      opensMenu: event.button === 2 && kind !== "tool",
    };
    this.drag.tool?.down(this.editor, this.pointOf(event));
  }

  private move(event: PointerEvent): void {
    const drag = this.drag;
    if (!drag) {
      this.editor.tool?.hover?.(this.editor, this.pointOf(event));
      return;
    }
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (drag.opensMenu && !drag.hasMoved && Math.hypot(dx, dy) < CLICK_REACH) return;
    drag.hasMoved = true;
    if (drag.tool) {
      // Between two repaints of the screen a hand moves on: the points between make a smooth stroke.
      const between = event.getCoalescedEvents?.() ?? [];
      for (const each of between.length ? between : [event]) drag.tool.move(this.editor, this.pointOf(each));
      return;
    }
    if (drag.kind === "pan") this.view.panBy(dx, dy);
    else this.view.zoomAt(1.006 ** -dy);
    [drag.x, drag.y] = [event.clientX, event.clientY];
  }

  private end(event: PointerEvent): void {
    const drag = this.drag;
    this.drag = null;
    drag?.tool?.up(this.editor, this.pointOf(event));
    if (drag?.opensMenu && !drag.hasMoved) this.editor.set({ menu: this.pointedAt() });
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const { tool } = this.editor;
    // With Shift, a browser turns the wheel sideways.
    if (event.shiftKey && tool?.wheel) {
      tool.wheel(this.editor, -Math.sign(event.deltaY || event.deltaX));
      return;
    }
    const { mouse } = this.editor.keymap;
    const kind: WheelKind = event.ctrlKey || event.metaKey ? mouse.ctrlWheel : mouse.wheel;
    const delta = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_STEP : 1);
    if (kind === "zoom") {
      this.view.zoomAt(1.002 ** -delta, event.clientX, event.clientY);
      return;
    }
    if (Math.sign(delta) !== Math.sign(this.wheelled)) this.wheelled = 0;
    this.wheelled += delta;
    if (Math.abs(this.wheelled) < WHEEL_STEP) return;
    const way = Math.sign(this.wheelled);
    this.wheelled = 0;
    if (kind === "frames") this.editor.step(way);
    else actionOf(way > 0 ? "brush-smaller" : "brush-larger").perform(this.editor);
  }
}

const BUTTONS = ["left", "middle", "right"] as const;

/** Whether a pointer draws by touching; the buttons of a pen's barrel count as those of a mouse. */
function isContact(event: PointerEvent): boolean {
  if (event.pointerType === "touch") return true;
  return event.pointerType === "pen" && event.button !== 1 && event.button !== 2 && (event.buttons & 6) === 0;
}

function contactOf(event: PointerEvent): Contact {
  return {
    id: event.pointerId,
    kind: event.pointerType === "pen" ? "pen" : "touch",
    x: event.clientX,
    y: event.clientY,
  };
}
