/**
 * Clicks along a vessel, between which the line finds its own way. Its points become prompts, or a mask as wide as
 * the vessel is drawn along it.
 */

import type { Editor } from "../editor";
import type { FramePixels } from "../frames";
import { costsOf, LiveWire } from "../geometry/livewire";
import { type Place, spacedPoints } from "../geometry/path";
import { blur, type Ridges, ridgesOf } from "../geometry/ridges";
import { measureTube, stampTube } from "../geometry/tube";
import { greyOf } from "../grey";
import { MOST_POINTS, SPACING } from "./scribble";
import { colourOf, isInside, type Tool, type ToolPoint } from "./tool";

/** Image pixels from a click within which the line looks for its start, and for its way. */
const [SNAP, REACH] = [4, 320];
const WIDEST_RADIUS = 16;
const NEAR_SCREEN = 6;

/** The frame as the line sees it. */
interface Ground {
  frame: FramePixels;
  grey: Float32Array;
  ridges: Ridges;
}

interface Trace {
  frameIndex: number;
  ground: Ground;
  sign: 1 | -1;
  costs: Uint8Array;
  /** Where the reader clicked, as it was on the screen and where the line took it up. */
  anchors: { place: Place; screenX: number; screenY: number }[];
  /** The way to each anchor but the first. */
  ways: Place[][];
  wire: LiveWire;
  /** The way to the pointer. */
  live: Place[];
}

export function centrelineTool(): Tool {
  let trace: Trace | null = null;
  let ground: Ground | null = null;
  let hasAdded = false;

  const groundOf = (editor: Editor): Ground | null => {
    const frame = editor.frames.get(editor.state.frameIndex);
    if (!frame) {
      editor.notify("frame_not_loaded", "The frame is still being loaded; the line goes by its pixels.");
      return null;
    }
    if (ground?.frame !== frame) {
      const { columns, rows } = editor.cine;
      const grey = greyOf(frame, editor.cine);
      ground = { frame, grey, ridges: ridgesOf(grey, columns, rows) };
    }
    return ground;
  };

  const wireFrom = (editor: Editor, costs: Uint8Array, place: Place) =>
    new LiveWire(costs, editor.cine.columns, editor.cine.rows, place, REACH);

  const begin = (editor: Editor, point: ToolPoint): Trace | null => {
    const found = groundOf(editor);
    if (!found) return null;
    const { columns, rows } = editor.cine;
    const [dark, bright] = [found.ridges.dark, found.ridges.bright].map((ridges) =>
      strongest(ridges, columns, rows, point),
    );
    const sign = (dark?.strength ?? 0) >= (bright?.strength ?? 0) ? 1 : -1;
    const place = (sign > 0 ? dark : bright)?.place ?? point;
    const costs = costsOf(sign > 0 ? found.ridges.dark : found.ridges.bright);
    return {
      frameIndex: editor.state.frameIndex,
      ground: found,
      sign,
      costs,
      anchors: [{ place, screenX: point.screenX, screenY: point.screenY }],
      ways: [],
      wire: wireFrom(editor, costs, place),
      live: [],
    };
  };

  const snapped = (editor: Editor, known: Trace, point: Place): Place => {
    const ridges = known.sign > 0 ? known.ground.ridges.dark : known.ground.ridges.bright;
    return strongest(ridges, editor.cine.columns, editor.cine.rows, point).place;
  };

  const stepBack = (editor: Editor) => {
    if (!trace) return;
    trace.anchors.pop();
    trace.ways.pop();
    const last = trace.anchors.at(-1);
    if (last) [trace.wire, trace.live] = [wireFrom(editor, trace.costs, last.place), []];
    else trace = null;
    editor.repaint();
  };

  const clear = (editor: Editor) => {
    trace = null;
    editor.repaint();
  };

  const commit = (editor: Editor, shift: boolean) => {
    if (!trace) return;
    if (editor.state.frameIndex !== trace.frameIndex) return editor.goTo(trace.frameIndex);
    const { columns, rows } = editor.cine;
    const { grey } = trace.ground;
    const line = [trace.anchors[0]?.place ?? { x: 0, y: 0 }, ...trace.ways.flatMap((way) => way.slice(1))];
    const most = WIDEST_RADIUS * Math.max(1, Math.min(columns, rows) / 512);
    const tube = measureTube(blur(grey, columns, rows, 1, 1), columns, rows, line, trace.sign, most);
    if ((editor.state.options.centreline === "mask") !== shift) {
      const draft = editor.startDraft();
      if (!draft) return;
      stampTube(draft.bitmap, columns, rows, tube);
      editor.commitDraft("centreline");
    } else {
      const inside = tube.filter((point) => isInside(editor, point));
      const points = spacedPoints(inside, SPACING, MOST_POINTS);
      editor.addPoints(points.map(({ x, y }) => ({ x, y, positive: true })));
    }
    clear(editor);
  };

  return {
    clicks: true,
    down: (editor, point) => {
      hasAdded = false;
      if (!isInside(editor, point)) return;
      if (trace && trace.frameIndex !== editor.state.frameIndex) trace = null;
      if (!trace) {
        trace = begin(editor, point);
        hasAdded = trace !== null;
        return editor.repaint();
      }
      const last = trace.anchors.at(-1);
      const isSame =
        last && Math.hypot(last.screenX - point.screenX, last.screenY - point.screenY) < NEAR_SCREEN;
      if (isSame) return;
      const way = trace.wire.pathTo(snapped(editor, trace, point));
      const place = way.at(-1) ?? point;
      trace.anchors.push({ place, screenX: point.screenX, screenY: point.screenY });
      trace.ways.push(way);
      [trace.wire, trace.live] = [wireFrom(editor, trace.costs, place), []];
      hasAdded = true;
      editor.repaint();
    },
    move: () => undefined,
    up: () => {
      hasAdded = false;
    },
    cancel: (editor) => {
      if (hasAdded) stepBack(editor);
      hasAdded = false;
    },
    hover: (editor, point) => {
      if (!trace || trace.frameIndex !== editor.state.frameIndex) return;
      trace.live = trace.wire.pathTo(snapped(editor, trace, point));
      editor.repaint();
    },
    finish: commit,
    key: (editor, { key, shiftKey }) => {
      if (!trace) return false;
      if (key === "Enter") commit(editor, shiftKey);
      else if (key === "Escape") clear(editor);
      else if (key === "Backspace") stepBack(editor);
      else return false;
      return true;
    },
    drop: clear,
    overlay: (editor) => {
      if (!trace || trace.frameIndex !== editor.state.frameIndex) return [];
      const colour = colourOf(editor);
      return [
        { kind: "line", points: trace.live, dashed: true, colour },
        ...trace.ways.map((points) => ({ kind: "line" as const, points, colour })),
        { kind: "dots", points: trace.anchors.map((anchor) => anchor.place), colour },
      ];
    },
  };
}

/** The pixel near a point that looks most like a vessel, by its middle; the point itself where none does. */
function strongest(
  ridges: Uint8Array,
  columns: number,
  rows: number,
  point: Place,
): { place: Place; strength: number } {
  const x = Math.min(Math.max(Math.floor(point.x), 0), columns - 1);
  const y = Math.min(Math.max(Math.floor(point.y), 0), rows - 1);
  let best = { place: { x: x + 0.5, y: y + 0.5 }, strength: 0 };
  for (let v = Math.max(0, y - SNAP); v <= Math.min(rows - 1, y + SNAP); v++) {
    for (let u = Math.max(0, x - SNAP); u <= Math.min(columns - 1, x + SNAP); u++) {
      const strength = ridges[v * columns + u] ?? 0;
      if (strength > best.strength) best = { place: { x: u + 0.5, y: v + 0.5 }, strength };
    }
  }
  return best;
}
