/** Labels, propagation, acceptance: what is done with masks. */

import {
  ActionIcon,
  Badge,
  Button,
  ColorSwatch,
  Divider,
  Group,
  Progress,
  SegmentedControl,
  Slider,
  Stack,
  Text,
  Tooltip,
  UnstyledButton,
} from "@mantine/core";
import {
  IconAlertTriangle,
  IconCheck,
  IconChecks,
  IconEye,
  IconEyeOff,
  IconPlayerStopFilled,
} from "@tabler/icons-react";
import { type Direction, isActive } from "../../editor/state";
import type { LabelInfo } from "../../editor/types";
import { KeyOf } from "./KeyOf";
import { useEditorState, useRoom } from "./useEditor";

const ORIGINS = {
  HUMAN: "drawn",
  MODEL: "from prompts",
  PROPAGATED: "propagated",
  INTERPOLATED: "interpolated",
};

export function SidePanel() {
  const { editor } = useRoom();
  return (
    <aside className="reading-side" aria-label="Masks">
      <Stack gap="md">
        <div>
          <Text size="xs" c="dark.2" mb={6}>
            Labels
          </Text>
          <Stack gap={2}>
            {editor.labels.map((label) => (
              <LabelRow key={label.code} label={label} />
            ))}
          </Stack>
        </div>
        <Appearance />
        <Divider />
        <Propagation />
        <Divider />
        <Acceptance />
        {editor.cine.warnings.length > 0 && (
          <>
            <Divider />
            <div>
              <Group gap={6} mb={4}>
                <IconAlertTriangle size={14} color="var(--mantine-color-yellow-5)" />
                <Text size="xs" c="dark.2">
                  Remarks of the import
                </Text>
              </Group>
              {editor.cine.warnings.map((warning) => (
                <Text key={warning} size="xs" c="dark.1">
                  {warning}
                </Text>
              ))}
            </div>
          </>
        )}
      </Stack>
    </aside>
  );
}

function LabelRow({ label }: { label: LabelInfo }) {
  const { editor } = useRoom();
  const isChosen = useEditorState((state) => state.labelCode === label.code);
  const hidden = useEditorState((state) => state.hiddenLabels);
  const origin = useEditorState((state) => {
    void state.masksVersion;
    const mask = editor.document.mask(label.index, state.frameIndex);
    return mask ? `${mask.provenance}${mask.score === null ? "" : `|${mask.score.toFixed(2)}`}` : "";
  });
  const isHidden = hidden.has(label.code);
  const [provenance, score] = origin.split("|");
  return (
    <Group
      gap={6}
      wrap="nowrap"
      px={6}
      py={4}
      style={{ borderRadius: 4, background: isChosen ? "var(--mantine-color-dark-5)" : undefined }}
    >
      <UnstyledButton
        style={{ flex: 1, minWidth: 0 }}
        aria-pressed={isChosen}
        aria-label={`Label ${label.name}`}
        onClick={() => editor.set({ labelCode: label.code })}
      >
        <Group gap={8} wrap="nowrap">
          <ColorSwatch color={label.colour} size={14} withShadow={false} />
          <div style={{ minWidth: 0 }}>
            <Text size="sm" truncate fw={isChosen ? 600 : 400}>
              {label.name}
            </Text>
            <Text size="xs" c="dark.2" className="numbers">
              {provenance
                ? `${ORIGINS[provenance as keyof typeof ORIGINS]}${score && provenance !== "HUMAN" ? ` · conf. ${score}` : ""}`
                : "no mask here"}
            </Text>
          </div>
        </Group>
      </UnstyledButton>
      <KeyOf id={`label-${label.index}`} />
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label={isHidden ? `Show ${label.name}` : `Hide ${label.name}`}
        onClick={() => {
          const next = new Set(hidden);
          if (!next.delete(label.code)) next.add(label.code);
          editor.set({ hiddenLabels: next });
          editor.repaint();
        }}
      >
        {isHidden ? <IconEyeOff size={16} /> : <IconEye size={16} />}
      </ActionIcon>
    </Group>
  );
}

function Appearance() {
  const { editor } = useRoom();
  const opacity = useEditorState((state) => state.opacity);
  const radius = useEditorState((state) => state.brushRadius);
  const isBrush = useEditorState((state) => state.tool === "brush" || state.tool === "eraser");
  return (
    <Stack gap={6}>
      <Group gap="sm" wrap="nowrap">
        <Text size="xs" c="dark.2" w={64}>
          Fill
        </Text>
        <Slider
          style={{ flex: 1 }}
          size="sm"
          label={(value) => `${value} %`}
          value={Math.round(opacity * 100)}
          onChange={(value) => {
            editor.set({ opacity: value / 100 });
            editor.repaint();
          }}
          thumbLabel="Opacity of the fill"
        />
      </Group>
      {isBrush && (
        <Group gap="sm" wrap="nowrap">
          <Text size="xs" c="dark.2" w={64}>
            Brush
          </Text>
          <Slider
            style={{ flex: 1 }}
            size="sm"
            min={1}
            max={40}
            step={0.5}
            label={(value) => `${value} px`}
            value={radius}
            onChange={(value) => editor.set({ brushRadius: value })}
            thumbLabel="Radius of the brush"
          />
        </Group>
      )}
    </Stack>
  );
}

function Propagation() {
  const { editor } = useRoom();
  const direction = useEditorState((state) => state.direction);
  const canWrite = useEditorState((state) => state.canWrite);
  const job = useEditorState((state) => {
    const runs = [...state.jobs.values()].filter((known) => known.kind === "PROPAGATE" && isActive(known));
    return runs[0];
  });
  const hasMask = useEditorState((state) => {
    void state.masksVersion;
    return editor.labels.some((label) => editor.document.mask(label.index, state.frameIndex));
  });
  return (
    <Stack gap={8}>
      <Text size="xs" c="dark.2">
        Propagate from this frame
      </Text>
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label="Direction"
        value={direction}
        onChange={(value) => editor.set({ direction: value as Direction })}
        data={[
          { value: "backward", label: "← Back" },
          { value: "both", label: "Both" },
          { value: "forward", label: "On →" },
        ]}
      />
      {job ? (
        <>
          <Progress value={(100 * job.done) / Math.max(job.total, 1)} animated aria-label="Propagation" />
          <Group justify="space-between">
            <Text size="xs" c="dark.1" className="numbers" role="status">
              {job.error?.code === "waiting_for_worker"
                ? "Waiting for a worker …"
                : `${job.done} of ${job.total} masks`}
            </Text>
            <Button
              size="compact-xs"
              color="red"
              variant="light"
              leftSection={<IconPlayerStopFilled size={12} />}
              onClick={() => void editor.stopJobs()}
            >
              Stop
            </Button>
          </Group>
        </>
      ) : (
        <Tooltip label="Put a mask on this frame first" disabled={hasMask}>
          <Button
            size="sm"
            variant="light"
            disabled={!canWrite || !hasMask}
            rightSection={<KeyOf id="propagate" />}
            onClick={() => editor.propagate()}
          >
            Propagate
          </Button>
        </Tooltip>
      )}
    </Stack>
  );
}

function Acceptance() {
  const { editor } = useRoom();
  const canWrite = useEditorState((state) => state.canWrite);
  const isAccepted = useEditorState((state) => {
    void state.masksVersion;
    return editor.isAccepted(state.frameIndex);
  });
  const counts = useEditorState((state) => {
    void state.masksVersion;
    const masked = new Set<number>();
    const accepted = new Set<number>();
    for (const mask of editor.document.entries()) {
      masked.add(mask.frameIndex);
      if (mask.accepted) accepted.add(mask.frameIndex);
    }
    return `${masked.size}/${accepted.size}`;
  });
  const [masked, accepted] = counts.split("/").map(Number);
  return (
    <Stack gap={8}>
      <Group justify="space-between">
        <Text size="xs" c="dark.2">
          Acceptance
        </Text>
        <Badge
          variant="outline"
          color={masked && masked === accepted ? "teal" : "gray"}
          size="sm"
          className="numbers"
        >
          {accepted} of {masked} frames
        </Badge>
      </Group>
      <Button
        size="sm"
        variant={isAccepted ? "filled" : "light"}
        color="teal"
        disabled={!canWrite || !masked}
        leftSection={<IconCheck size={16} />}
        rightSection={<KeyOf id="accept" />}
        onClick={() => editor.toggleAccept()}
      >
        {isAccepted ? "Frame accepted" : "Accept frame"}
      </Button>
      <Button
        size="sm"
        variant="subtle"
        color="teal"
        disabled={!canWrite || !masked || masked === accepted}
        leftSection={<IconChecks size={16} />}
        onClick={() => editor.acceptAll()}
      >
        Accept all frames
      </Button>
    </Stack>
  );
}
