/**
 * The lanes of the timeline, one for each label: where its masks are and what they come of. Provenance is told by
 * shape, not by colour alone: drawn = full with a notch, prompted = full with a slit, propagated = half, interpolated
 * = half and dotted. A line in the free upper half shows the model's confidence; a row below says what is accepted.
 */

import type { Finding } from "../../../editor/attention";
import type { Provenance } from "../../../editor/codec";
import type { MaskEntry } from "../../../editor/document";
import type { Editor } from "../../../editor/editor";
import type { Span } from "../../../editor/propagation";
import { niceStep } from "../../../editor/thumbnail";
import { frameAt, type TimeScale, xOf } from "../../../editor/timescale";
import { crisp } from "../crisp";

const LANE = 14;
const BLOCK = 12;
const ACCEPTANCE = 11;
const RULER = 13;
const AMBER = "#ffb454";
const GROUND = "#16181a";
const ACCEPTED = "#38d9a9";
/** Cells narrower than this are no longer drawn one by one. */
const DENSE = 2;

export function lanesHeight(labels: number): number {
  return labels * LANE + ACCEPTANCE + RULER;
}

export function laneTop(place: number): number {
  return place * LANE;
}

export interface LanePicture {
  editor: Editor;
  scale: TimeScale;
  findings: readonly Finding[];
  loop: Span | null;
}

export function drawLanes(canvas: HTMLCanvasElement, picture: LanePicture): void {
  const drawing = crisp(canvas);
  if (!drawing) return;
  const { context, width, height } = drawing;
  const { editor, scale } = picture;
  const masks = new Map<number, MaskEntry[]>(editor.labels.map((label) => [label.index, []]));
  for (const mask of editor.document.entries()) masks.get(mask.labelIndex)?.push(mask);
  const cell = width / scale.length;
  editor.labels.forEach((label, place) => {
    const top = laneTop(place) + 1;
    context.fillStyle = GROUND;
    context.fillRect(0, top, width, BLOCK);
    context.globalAlpha = editor.state.hiddenLabels.has(label.code) ? 0.3 : 1;
    const own = masks.get(label.index) ?? [];
    const draw = cell < DENSE ? drawDense : drawCells;
    draw(context, own, { scale, width, top, colour: label.colour });
    context.globalAlpha = 1;
  });
  drawFindings(context, picture, width);
  drawAcceptance(context, picture, width);
  drawRuler(context, scale, width, height);
  if (picture.loop) drawLoop(context, scale, width, height, picture.loop);
}

interface Lane {
  scale: TimeScale;
  width: number;
  top: number;
  colour: string;
}

function isOwn(provenance: Provenance): boolean {
  return provenance === "HUMAN" || provenance === "MODEL";
}

function drawCells(context: CanvasRenderingContext2D, masks: readonly MaskEntry[], lane: Lane): void {
  const { scale, width, top } = lane;
  const cell = width / scale.length;
  const bar = Math.max(1, cell >= 4 ? cell - 1 : cell);
  for (const mask of masks) {
    const x = xOf(scale, mask.frameIndex, width);
    if (x + bar < 0 || x > width) continue;
    context.fillStyle = lane.colour;
    drawBlock(context, mask.provenance, x, top, bar);
    if (mask.score === null || isOwn(mask.provenance)) continue;
    const isLow = mask.score < 0.5;
    context.fillStyle = isLow ? AMBER : "#c8ccd0";
    context.fillRect(x, top + (1 - mask.score) * (BLOCK / 2 - 1), bar, isLow ? 2 : 1);
  }
}

function drawBlock(
  context: CanvasRenderingContext2D,
  provenance: Provenance,
  x: number,
  top: number,
  bar: number,
): void {
  const half = BLOCK / 2;
  if (provenance === "PROPAGATED") {
    context.fillRect(x, top + half, bar, half);
  } else if (provenance === "INTERPOLATED") {
    for (let y = top + half; y < top + BLOCK; y += 4) {
      for (let at = x; at < x + bar; at += 4) context.fillRect(at, y, Math.min(2, x + bar - at), 2);
    }
  } else {
    context.fillRect(x, top, bar, BLOCK);
    context.fillStyle = GROUND;
    if (provenance === "MODEL") {
      context.fillRect(x, top + half - 1, bar, 2);
    } else if (bar >= 3) {
      const notch = Math.min(bar / 3, 4);
      context.beginPath();
      context.moveTo(x + bar / 2 - notch, top);
      context.lineTo(x + bar / 2 + notch, top);
      context.lineTo(x + bar / 2, top + notch + 2);
      context.fill();
    }
  }
}

/** Many frames to a pixel: how many of them have a mask, key frames standing out at full height. */
function drawDense(context: CanvasRenderingContext2D, masks: readonly MaskEntry[], lane: Lane): void {
  const { scale, width, top } = lane;
  const columns = Math.ceil(width);
  const counts = new Uint16Array(columns);
  const keys = new Uint8Array(columns);
  const scores = new Float32Array(columns).fill(2);
  for (const mask of masks) {
    const column = Math.floor(xOf(scale, mask.frameIndex + 0.5, width));
    if (column < 0 || column >= columns) continue;
    counts[column] = (counts[column] ?? 0) + 1;
    if (isOwn(mask.provenance)) keys[column] = 1;
    else if (mask.score !== null) scores[column] = Math.min(scores[column] ?? 2, mask.score);
  }
  const perColumn = Math.max(scale.length / width, 1);
  for (let column = 0; column < columns; column++) {
    const count = counts[column] ?? 0;
    const score = scores[column] ?? 2;
    if (count) {
      const part = Math.min(count / perColumn, 1);
      const tall = keys[column] ? BLOCK : Math.max(2, (BLOCK / 2) * part);
      context.fillStyle = lane.colour;
      context.fillRect(column, top + BLOCK - tall, 1, tall);
    }
    if (score <= 1 && !keys[column]) {
      context.fillStyle = score < 0.5 ? AMBER : "#c8ccd0";
      context.fillRect(column, top + (1 - score) * (BLOCK / 2 - 1), 1, 1);
    }
  }
}

function drawFindings(context: CanvasRenderingContext2D, picture: LanePicture, width: number): void {
  const { editor, scale, findings } = picture;
  const places = new Map(editor.labels.map((label, place) => [label.index, place]));
  for (const finding of findings) {
    const x = xOf(scale, finding.frameIndex + 0.5, width);
    if (x < 0 || x > width) continue;
    const y = laneTop(places.get(finding.label.index) ?? 0);
    context.beginPath();
    context.moveTo(x - 5, y);
    context.lineTo(x + 5, y);
    context.lineTo(x, y + 8);
    context.closePath();
    context.fillStyle = AMBER;
    context.fill();
    context.strokeStyle = "#0b0c0d";
    context.lineWidth = 1;
    context.stroke();
  }
}

/** A bar with a lock cut into it where a frame is accepted, a hair line where its pixels are loaded. */
function drawAcceptance(
  context: CanvasRenderingContext2D,
  { editor, scale }: LanePicture,
  width: number,
): void {
  const top = laneTop(editor.labels.length) + 1;
  const cell = width / scale.length;
  const bar = Math.max(1, cell >= 4 ? cell - 1 : cell);
  const last = frameAt(scale, width, width);
  for (let frame = frameAt(scale, 0, width); frame <= last; frame++) {
    const x = xOf(scale, frame, width);
    if (editor.isAccepted(frame)) {
      context.fillStyle = ACCEPTED;
      if (cell >= 11) {
        context.fillRect(x, top, bar, 9);
        context.fillStyle = GROUND;
        drawLock(context, x + bar / 2, top + 1);
      } else context.fillRect(x, top + 2, bar, 4);
    } else if (editor.frames.get(frame)) {
      context.fillStyle = "#3a3e42";
      context.fillRect(x, top + 4, cell, 1);
    }
  }
}

/** A padlock 6 wide and 7 high, its middle at x. */
export function drawLock(context: CanvasRenderingContext2D, x: number, top: number): void {
  context.fillRect(x - 3, top + 3, 6, 4);
  context.strokeStyle = context.fillStyle;
  context.lineWidth = 1;
  context.beginPath();
  context.arc(x, top + 3, 2, Math.PI, 0);
  context.stroke();
}

function drawRuler(context: CanvasRenderingContext2D, scale: TimeScale, width: number, height: number): void {
  const step = niceStep((scale.length / width) * 56);
  context.font = "10px Inter, system-ui, 'DejaVu Sans', sans-serif";
  context.fillStyle = "#8f9397";
  context.textAlign = "center";
  context.textBaseline = "bottom";
  const last = scale.first + scale.length;
  for (let number = Math.ceil(scale.first / step) * step; number <= last; number += step) {
    const frame = Math.max(number, 1) - 1;
    const x = xOf(scale, frame + 0.5, width);
    if (x > 8 && x < width - 8) context.fillText(String(frame + 1), x, height);
  }
}

function drawLoop(
  context: CanvasRenderingContext2D,
  scale: TimeScale,
  width: number,
  height: number,
  loop: Span,
): void {
  const [left, right] = [xOf(scale, loop.start, width), xOf(scale, loop.stop + 1, width)];
  context.fillStyle = "rgba(255,255,255,0.07)";
  context.fillRect(left, 0, right - left, height - RULER);
  context.fillStyle = "#dcdee0";
  context.fillRect(left, height - RULER, right - left, 1);
}
