/** The frames in a row, with what is on them, and the transport. */

import { ActionIcon, Group, Text, Tooltip } from "@mantine/core";
import {
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
  IconPlayerSkipBackFilled,
  IconPlayerSkipForwardFilled,
} from "@tabler/icons-react";
import { Speed } from "./Speed";
import { StepMode } from "./time/StepMode";
import { TimeTrack } from "./time/TimeTrack";
import { useEditorState, useRoom } from "./useEditor";

export function Timeline() {
  const { editor } = useRoom();
  const playing = useEditorState((state) => state.playing);
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
          <StepMode />
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
          <Speed />
        </Group>
      </Group>
      <TimeTrack />
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
