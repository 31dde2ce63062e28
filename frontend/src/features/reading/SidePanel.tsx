/** Labels, propagation, acceptance: what is done with masks. */

import {
  ActionIcon,
  Badge,
  Button,
  ColorSwatch,
  Group,
  Slider,
  Stack,
  Text,
  UnstyledButton,
} from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconChecks, IconEye, IconEyeOff } from "@tabler/icons-react";
import type { Schemas } from "../../api/client";
import { type Finding, findingText } from "../../editor/attention";
import type { LabelInfo } from "../../editor/types";
import { EnhancePanel } from "./EnhancePanel";
import { KeyOf } from "./KeyOf";
import { ModelWindow } from "./ModelWindow";
import { originText } from "./origins";
import { LookHere } from "./panel/LookHere";
import { Propagation } from "./panel/Propagation";
import { Relabel } from "./panel/Relabel";
import { Section } from "./panel/Section";
import { TextPrompt } from "./TextPrompt";
import { useEditorState, useRoom } from "./useEditor";
import { useFindings } from "./useFindings";

export function SidePanel({ reading }: { reading: Schemas["ReadingDetail"] }) {
  const { editor } = useRoom();
  const findings = useFindings();
  return (
    <aside className="reading-side" aria-label="Masks">
      <Section id="labels" title="Labels">
        <Stack gap={1}>
          {editor.labels.map((label) => (
            <LabelRow key={label.code} label={label} findings={findings} />
          ))}
        </Stack>
        <Appearance />
        <ModelWindow />
        <TextPrompt reading={reading} />
      </Section>
      <Propagation />
      <Acceptance />
      {findings.length > 0 && <LookHere findings={findings} />}
      <EnhancePanel />
      {editor.cine.warnings.length > 0 && (
        <Section
          id="remarks"
          title="Remarks of the import"
          aside={<IconAlertTriangle size={14} color="var(--mantine-color-yellow-5)" />}
          isClosedAtFirst
        >
          {editor.cine.warnings.map((warning) => (
            <Text key={warning} size="xs" c="dark.1">
              {warning}
            </Text>
          ))}
        </Section>
      )}
    </aside>
  );
}

function LabelRow({ label, findings }: { label: LabelInfo; findings: Finding[] }) {
  const { editor } = useRoom();
  const isChosen = useEditorState((state) => state.labelCode === label.code);
  const hidden = useEditorState((state) => state.hiddenLabels);
  const origin = useEditorState((state) => {
    void state.masksVersion;
    const mask = editor.document.mask(label.index, state.frameIndex);
    return mask ? originText(mask) : "";
  });
  const score = useEditorState((state) => {
    const mask = editor.document.mask(label.index, state.frameIndex);
    return mask && mask.provenance !== "HUMAN" ? mask.score : null;
  });
  const frameIndex = useEditorState((state) => state.frameIndex);
  const finding = findings.find((one) => one.label === label && one.frameIndex === frameIndex);
  const isHidden = hidden.has(label.code);
  return (
    <Group
      gap={6}
      wrap="nowrap"
      px={6}
      py={2}
      pos="relative"
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
            <Text size="xs" c={finding ? "yellow.5" : "dark.2"} className="numbers" truncate>
              {finding ? findingText(finding) : origin || "no mask here"}
            </Text>
          </div>
        </Group>
      </UnstyledButton>
      {score !== null && <Confidence score={score} isLow={finding !== undefined} />}
      {isChosen && <Relabel label={label} />}
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

/** The model's own estimate as a small bar: seen at a glance while frames go by. */
function Confidence({ score, isLow }: { score: number; isLow: boolean }) {
  return (
    <div className="confidence" aria-hidden>
      <div
        style={{
          width: `${Math.round(100 * score)}%`,
          background: `var(--mantine-color-${isLow ? "yellow-5" : "dark-1"})`,
        }}
      />
    </div>
  );
}

function Appearance() {
  const { editor } = useRoom();
  const opacity = useEditorState((state) => state.opacity);
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
    <Section
      id="acceptance"
      title="Acceptance"
      aside={
        <Badge
          variant="outline"
          color={masked && masked === accepted ? "teal" : "gray"}
          size="sm"
          className="numbers"
        >
          {accepted} of {masked} frames
        </Badge>
      }
    >
      <Button
        size="sm"
        // Done is calmer than still to do: the picture is what should be bright.
        variant={isAccepted ? "outline" : "light"}
        color={isAccepted ? "gray" : "teal"}
        style={
          isAccepted
            ? { borderColor: "var(--mantine-color-dark-3)", color: "var(--mantine-color-dark-1)" }
            : undefined
        }
        aria-pressed={isAccepted}
        disabled={!canWrite || !masked}
        leftSection={<IconCheck size={16} color={isAccepted ? "var(--mantine-color-teal-5)" : undefined} />}
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
    </Section>
  );
}
