/** The frames in a row: which have masks, of what origin, which are accepted; and the transport. */

import { ActionIcon, Group, SegmentedControl, Text, Tooltip } from "@mantine/core";
import {
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
  IconPlayerSkipBackFilled,
  IconPlayerSkipForwardFilled,
} from "@tabler/icons-react";
import { useEffect, useRef } from "react";
import type { Editor } from "../../editor/editor";
import { useEditorState, useRoom } from "./useEditor";

const LANE = 9;
const TICKS = 12;
const SPEEDS = ["0.25", "0.5", "1", "2"];

export function Timeline() {
  const { editor } = useRoom();
  const playing = useEditorState((state) => state.playing);
  const speed = useEditorState((state) => state.speed);
  return (
    <section className="reading-time" aria-label="Frames">
      <Group justify="space-between" mb={6} wrap="nowrap">
        <Group gap={4} wrap="nowrap">
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label="Previous frame"
            onClick={() => editor.step(-1)}
          >
            <IconPlayerSkipBackFilled size={16} />
          </ActionIcon>
          <ActionIcon
            variant="light"
            size={32}
            aria-label={playing ? "Pause" : "Play"}
            disabled={editor.cine.frameCount < 2}
            onClick={() => (playing ? editor.pause() : editor.play())}
          >
            {playing ? <IconPlayerPauseFilled size={18} /> : <IconPlayerPlayFilled size={18} />}
          </ActionIcon>
          <ActionIcon variant="subtle" color="gray" aria-label="Next frame" onClick={() => editor.step(1)}>
            <IconPlayerSkipForwardFilled size={16} />
          </ActionIcon>
          <Position />
        </Group>
        <Group gap="sm" wrap="nowrap">
          <Loading />
          <Tooltip
            label={`Frame times from ${SOURCES[editor.cine.frameTimeSource] ?? editor.cine.frameTimeSource}`}
          >
            <Text
              size="xs"
              c={editor.cine.frameTimeSource === "assumed" ? "yellow.5" : "dark.2"}
              className="numbers"
            >
              {editor.clock.rate.toFixed(1)} frames/s
              {editor.cine.frameTimeSource === "assumed" ? " (assumed)" : ""}
            </Text>
          </Tooltip>
          <SegmentedControl
            size="xs"
            aria-label="Speed"
            value={String(speed)}
            onChange={(value) => editor.setSpeed(Number(value))}
            data={SPEEDS.map((value) => ({ value, label: `${value}×` }))}
          />
        </Group>
      </Group>
      <Lanes />
    </section>
  );
}

const SOURCES: Record<string, string> = {
  FrameTimeVector: "the frame time vector",
  FrameTime: "the frame time",
  RecommendedDisplayFrameRate: "the recommended display frame rate",
  CineRate: "the cine rate",
  trigger_time: "the trigger times",
  acquisition_time: "the acquisition times",
  assumed: "no tag of the file: 15 a second are assumed",
  single: "a single frame",
};

function Position() {
  const { editor } = useRoom();
  const frameIndex = useEditorState((state) => state.frameIndex);
  return (
    <Text size="sm" ml={8} className="numbers" data-testid="position">
      Frame {frameIndex + 1} / {editor.cine.frameCount}
      <Text span c="dark.2" size="xs" ml={8}>
        {(editor.clock.timeOf(frameIndex) / 1000).toFixed(2)} s
      </Text>
    </Text>
  );
}

function Loading() {
  const { editor } = useRoom();
  const loaded = useEditorState((state) => state.framesLoaded);
  const wanted = editor.frames.wantedCount;
  if (loaded >= wanted) return null;
  return (
    <Text size="xs" c="dark.2" className="numbers" aria-live="off">
      {loaded} / {wanted} frames loaded
    </Text>
  );
}

function Lanes() {
  const { editor } = useRoom();
  const canvas = useRef<HTMLCanvasElement>(null);
  const resting = useEditorState((state) => (state.playing ? null : state.frameIndex));
  const height = editor.labels.length * LANE + TICKS;

  useEffect(() => {
    const place = canvas.current;
    if (!place) return;
    let request = 0;
    const draw = () => {
      cancelAnimationFrame(request);
      request = requestAnimationFrame(() => drawLanes(place, editor));
    };
    const watch = new ResizeObserver(draw);
    watch.observe(place);
    const forget = editor.store.subscribe((state, before) => {
      if (
        state.frameIndex !== before.frameIndex ||
        state.masksVersion !== before.masksVersion ||
        state.framesLoaded !== before.framesLoaded ||
        state.hiddenLabels !== before.hiddenLabels
      ) {
        draw();
      }
    });
    draw();
    return () => {
      cancelAnimationFrame(request);
      watch.disconnect();
      forget();
    };
  }, [editor]);

  const seek = (event: React.PointerEvent<HTMLCanvasElement>) => {
    if (event.buttons === 0) return;
    const box = event.currentTarget.getBoundingClientRect();
    editor.goTo(Math.floor(((event.clientX - box.left) / box.width) * editor.cine.frameCount));
  };
  return (
    <canvas
      ref={canvas}
      className="timeline"
      style={{ height }}
      role="slider"
      aria-label="Frame"
      aria-valuemin={1}
      aria-valuemax={editor.cine.frameCount}
      // A screen reader would speak every frame that plays by.
      aria-valuenow={(resting ?? editor.state.frameIndex) + 1}
      aria-valuetext={resting === null ? "playing" : `Frame ${resting + 1} of ${editor.cine.frameCount}`}
      tabIndex={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        seek(event);
      }}
      onPointerMove={seek}
    />
  );
}

/** Drawn or prompted masks fill their lane, propagated ones are half as high; a tick below means accepted. */
function drawLanes(canvas: HTMLCanvasElement, editor: Editor): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const count = editor.cine.frameCount;
  const cell = width / count;
  const gap = cell > 4 ? 1 : 0;
  const bar = Math.max(cell - gap, 1);
  editor.labels.forEach((_, lane) => {
    context.fillStyle = "#16181a";
    context.fillRect(0, lane * LANE + 1, width, LANE - 2);
  });
  const lanes = new Map(editor.labels.map((label, place) => [label.index, { place, label }]));
  const accepted = new Set<number>();
  for (const mask of editor.document.entries()) {
    if (mask.accepted) accepted.add(mask.frameIndex);
    const lane = lanes.get(mask.labelIndex);
    if (!lane) continue;
    const isOwn = mask.provenance === "HUMAN" || mask.provenance === "MODEL";
    const tall = isOwn ? LANE - 2 : (LANE - 2) / 2;
    context.globalAlpha = editor.state.hiddenLabels.has(lane.label.code) ? 0.3 : 1;
    context.fillStyle = lane.label.colour;
    context.fillRect(mask.frameIndex * cell, lane.place * LANE + 1 + (LANE - 2 - tall), bar, tall);
  }
  context.globalAlpha = 1;
  const below = editor.labels.length * LANE;
  for (let frame = 0; frame < count; frame++) {
    if (accepted.has(frame)) {
      context.fillStyle = "#38d9a9";
      context.fillRect(frame * cell, below + 3, bar, 4);
    } else if (editor.frames.get(frame)) {
      context.fillStyle = "#3a3e42";
      context.fillRect(frame * cell, below + 4, bar, 1);
    }
  }
  context.fillStyle = "rgba(255,255,255,0.9)";
  const x = (editor.state.frameIndex + 0.5) * cell;
  context.fillRect(x - 1, 0, 2, height);
}
