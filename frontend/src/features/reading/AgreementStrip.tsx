/**
 * Dice over the frames: bars for the active label, ticks for the others; a short grey mark at the foot where only one
 * side has a mask. It serves the mouse; by keyboard the frames are reached as everywhere.
 */

import { useEffect, useRef } from "react";
import type { Editor } from "../../editor/editor";
import { crisp } from "./crisp";
import { useRoom } from "./useEditor";

const FOOT = 3;
const TICK = 2;
const ONE_SIDED = "#8f9397";

export function AgreementStrip() {
  const { editor } = useRoom();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const place = canvas.current;
    if (!place) return;
    let request = 0;
    const schedule = () => {
      request ||= requestAnimationFrame(() => {
        request = 0;
        drawStrip(place, editor);
      });
    };
    const watch = new ResizeObserver(schedule);
    watch.observe(place);
    const forget = editor.store.subscribe((state, before) => {
      if (
        state.agreementVersion !== before.agreementVersion ||
        state.frameIndex !== before.frameIndex ||
        state.labelCode !== before.labelCode ||
        state.hiddenLabels !== before.hiddenLabels ||
        state.second !== before.second
      )
        schedule();
    });
    schedule();
    return () => {
      cancelAnimationFrame(request);
      watch.disconnect();
      forget();
    };
  }, [editor]);
  const goTo = (event: React.PointerEvent<HTMLCanvasElement>) => {
    if (event.buttons !== 1) return;
    const box = event.currentTarget.getBoundingClientRect();
    editor.goTo(Math.floor(((event.clientX - box.left) / box.width) * editor.cine.frameCount));
  };
  return (
    <canvas
      ref={canvas}
      className="second-strip"
      data-testid="agreement-strip"
      role="img"
      aria-label="Dice of both sides over the frames"
      title="Dice over the frames, from 0 to 1"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        goTo(event);
      }}
      onPointerMove={goTo}
    />
  );
}

function drawStrip(canvas: HTMLCanvasElement, editor: Editor): void {
  const drawing = crisp(canvas);
  if (!drawing) return;
  const { context, width, height } = drawing;
  const { comparison, state, labels } = editor;
  const { frameCount } = editor.cine;
  const cell = width / frameCount;
  const foot = height - FOOT;
  context.fillStyle = "#34383c";
  for (const dice of [1, 0.5, 0]) context.fillRect(0, yOf(dice, foot), width, 1);
  context.fillStyle = ONE_SIDED;
  context.font = "10px system-ui, sans-serif";
  context.fillText("Dice", 4, 14);
  context.fillStyle = "rgba(255, 255, 255, 0.16)";
  context.fillRect(state.frameIndex * cell, 0, Math.max(cell, 1), height);
  // The active label last, so that nothing covers it.
  const drawn = labels.filter(({ code }) => !state.hiddenLabels.has(code));
  drawn.sort((a, b) => Number(a.code === state.labelCode) - Number(b.code === state.labelCode));
  for (const label of drawn) {
    const isActive = label.code === state.labelCode;
    for (let frame = 0; frame < frameCount; frame++) {
      const verdict = comparison.last(label.index, frame);
      const left = frame * cell;
      const span = Math.max(cell - (cell > 4 ? 1 : 0), 1);
      if (verdict.kind === "dice") {
        const top = yOf(verdict.dice, foot);
        context.fillStyle = label.colour;
        if (isActive) {
          context.globalAlpha = 0.35;
          context.fillRect(left, top, span, foot - top);
        }
        context.globalAlpha = 1;
        context.fillRect(left, top, span, TICK);
      } else if (isActive && (verdict.kind === "only-here" || verdict.kind === "only-there")) {
        context.fillStyle = ONE_SIDED;
        context.fillRect(left + span / 2 - 1, foot, 2, FOOT);
      }
    }
  }
}

function yOf(dice: number, foot: number): number {
  return Math.round((1 - dice) * (foot - TICK - 1)) + 1;
}
