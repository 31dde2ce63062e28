/** Where a reader should look next: masks that jump, or that the model is unsure of. */

import { ActionIcon, ColorSwatch, Group, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { IconAlertTriangle, IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import { actionOf } from "../../../editor/actions";
import { type Finding, findingText } from "../../../editor/attention";
import { KeyOf } from "../KeyOf";
import { useRoom } from "../useEditor";
import { useRestingFrame } from "../useRestingFrame";
import { Section } from "./Section";

const SHOWN = 4;

export function LookHere({ findings }: { findings: Finding[] }) {
  const { editor } = useRoom();
  const frameIndex = useRestingFrame();
  // The list moves along with the reader, so that what is next is always in it.
  const next = findings.findIndex((finding) => finding.frameIndex >= frameIndex);
  const first = Math.max(0, Math.min(next < 0 ? findings.length : next, findings.length - SHOWN));
  return (
    <Section
      id="look"
      title={`Look here (${findings.length})`}
      aside={
        <Group gap={2} wrap="nowrap">
          <Step id="previous-attention">
            <IconChevronUp size={14} />
          </Step>
          <Step id="next-attention">
            <IconChevronDown size={14} />
          </Step>
        </Group>
      }
    >
      <div>
        {findings.slice(first, first + SHOWN).map((finding) => (
          <UnstyledButton
            key={`${finding.label.code} ${finding.frameIndex}`}
            className="finding"
            data-here={finding.frameIndex === frameIndex}
            onClick={() => {
              editor.set({ labelCode: finding.label.code });
              editor.goTo(finding.frameIndex);
            }}
          >
            <IconAlertTriangle size={12} color="var(--mantine-color-yellow-5)" />
            <Text span size="xs" className="numbers" w={56}>
              frame {finding.frameIndex + 1}
            </Text>
            <ColorSwatch
              color={finding.label.colour}
              size={8}
              withShadow={false}
              title={finding.label.name}
            />
            <Text span size="xs" c="dark.1" className="numbers" truncate>
              {findingText(finding)}
            </Text>
          </UnstyledButton>
        ))}
      </div>
    </Section>
  );
}

function Step({ id, children }: { id: string; children: React.ReactNode }) {
  const { editor } = useRoom();
  const action = actionOf(id);
  return (
    <Tooltip
      label={
        <>
          {action.label} <KeyOf id={id} />
        </>
      }
    >
      <ActionIcon
        size={20}
        variant="subtle"
        color="gray"
        aria-label={action.label}
        onClick={() => action.perform(editor)}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
