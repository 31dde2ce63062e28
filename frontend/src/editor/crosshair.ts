/**
 * The tools without a mouse: a crosshair that the arrows move over the image, and Enter for the button.
 *
 * A tool of single clicks (points, polygon, centreline) is pressed and released at once; Enter again at the same place
 * is the double click that ends it. Of any other tool the first Enter presses, the arrows drag and the next one releases.
 */

import type { Editor } from "./editor";
import type { Place } from "./geometry/path";
import { clamped, type Tool, type ToolPoint } from "./tools/tool";

export interface CrosshairKey {
  key: string;
  shiftKey: boolean;
  altKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  repeat?: boolean;
}

const FAR = 10;
/** On the screen, whichever way the image lies. */
const WAYS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class Crosshair {
  /** The tool that is being dragged. */
  private pressed: Tool | null = null;
  /** Where a tool of clicks was pressed last. */
  private clicked: Place | null = null;

  constructor(private readonly editor: Editor) {
    editor.store.subscribe((state, before) => {
      if (state.tool === before.tool && state.frameIndex === before.frameIndex) return;
      this.clicked = null;
      this.giveUp();
    });
  }

  get at(): Place | null {
    return this.editor.state.crosshair;
  }

  toggle(): void {
    if (this.at) {
      this.leave();
      return;
    }
    const { viewport, cine } = this.editor;
    const { x, y } = viewport?.pointedAt() ?? { x: cine.columns / 2, y: cine.rows / 2 };
    this.put({ x, y });
    this.say(
      `Crosshair at ${this.words}. Arrows move it, with Shift by ${FAR}; Enter presses and releases; Escape leaves.`,
    );
  }

  leave(): void {
    if (!this.at) return;
    this.giveUp();
    this.clicked = null;
    this.editor.set({ crosshair: null });
    this.editor.repaint();
  }

  /** Where it is in words, counted from 1. */
  get words(): string {
    const { at } = this;
    return at ? `column ${Math.floor(at.x) + 1}, row ${Math.floor(at.y) + 1}` : "";
  }

  get isPressed(): boolean {
    return this.pressed !== null;
  }

  /** A key while the crosshair may be shown; returns whether it was meant for it. */
  key(press: CrosshairKey): boolean {
    if (!this.at || press.ctrlKey || press.metaKey) return false;
    const way = press.altKey && !this.pressed ? undefined : WAYS[press.key];
    if (way) this.move(way, press.shiftKey ? FAR : 1, press.altKey);
    else if (press.key === "Enter") {
      if (!press.repeat) this.press(press);
    } else if (press.key === "Escape") this.escape();
    else return false;
    return true;
  }

  private move([across, down]: readonly [number, number], by: number, alt: boolean): void {
    const { at, editor } = this;
    if (!at) return;
    const [dx, dy] = this.onImage(across, down);
    this.put({ x: at.x + dx * by, y: at.y + dy * by });
    const point = this.pointOf(alt);
    if (!point) return;
    if (this.pressed) this.pressed.move(editor, point);
    else editor.tool?.hover?.(editor, point);
  }

  /** A step on the screen as one along the rows or the columns of the image. */
  private onImage(across: number, down: number): [number, number] {
    const { viewport } = this.editor;
    if (!viewport) return [across, down];
    const from = viewport.toImage({ clientX: 0, clientY: 0 });
    const to = viewport.toImage({ clientX: across, clientY: down });
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    return Math.abs(dx) > Math.abs(dy) ? [Math.sign(dx), 0] : [0, Math.sign(dy)];
  }

  private press({ shiftKey, altKey }: CrosshairKey): void {
    const { editor } = this;
    const { tool } = editor;
    const point = this.pointOf(altKey);
    if (!tool || !point) return;
    if (editor.state.playing) editor.pause();
    if (this.pressed) {
      this.pressed = null;
      tool.up(editor, point);
      this.say(`Released at ${this.words}.`);
    } else if (!tool.clicks) {
      tool.down(editor, point);
      this.pressed = tool;
      this.say(`Pressed at ${this.words}.`);
    } else if (tool.finish && this.clicked?.x === point.x && this.clicked.y === point.y) {
      this.clicked = null;
      tool.finish(editor, shiftKey);
      this.say("Ended.");
    } else {
      tool.down(editor, point);
      tool.up(editor, point);
      this.clicked = point;
      this.say(`Set at ${this.words}.`);
    }
  }

  /** Give up what is begun, or else leave. */
  private escape(): void {
    const { editor } = this;
    if (this.giveUp()) return;
    this.clicked = null;
    if (!editor.tool?.clicks || !editor.tool.key?.(editor, { key: "Escape", shiftKey: false })) this.leave();
  }

  private giveUp(): boolean {
    const { pressed } = this;
    this.pressed = null;
    pressed?.cancel(this.editor);
    return pressed !== null;
  }

  /** In the middle of a pixel of the image, in sight. */
  private put(place: Place): void {
    const { columns, rows } = this.editor.cine;
    const inside = clamped(this.editor, place);
    const at = {
      x: Math.min(Math.floor(inside.x), columns - 1) + 0.5,
      y: Math.min(Math.floor(inside.y), rows - 1) + 0.5,
    };
    this.editor.set({ crosshair: at });
    this.editor.viewport?.reveal(at);
    this.editor.repaint();
  }

  private pointOf(alt: boolean): ToolPoint | null {
    const { at, editor } = this;
    if (!at) return null;
    const place = editor.viewport?.toPage(at.x, at.y) ?? at;
    return { ...at, screenX: place.x, screenY: place.y, alt };
  }

  private say(text: string): void {
    this.editor.set({ said: { text, at: Date.now() } });
  }
}
