/** How fast the cine plays, and whether round and round or to and fro. */

import { ActionIcon, Group, Text, Tooltip } from "@mantine/core";
import { IconArrowsHorizontal, IconMinus, IconPlus, IconRepeat } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { actionOf } from "../../editor/actions";
import { KeyOf } from "./KeyOf";
import { useEditorState, useRoom } from "./useEditor";

export function Speed() {
  const speed = useEditorState((state) => state.speed);
  return (
    <Group gap={2} wrap="nowrap" role="group" aria-label="Speed">
      <Button id="loop">
        <IconRepeat size={16} />
      </Button>
      <Button id="ping-pong">
        <IconArrowsHorizontal size={16} />
      </Button>
      <Button id="slower">
        <IconMinus size={14} />
      </Button>
      <Text size="xs" w={42} ta="center" className="numbers" data-testid="speed">
        {speed}×
      </Text>
      <Button id="faster">
        <IconPlus size={14} />
      </Button>
    </Group>
  );
}

function Button({ id, children }: { id: string; children: ReactNode }) {
  const { editor } = useRoom();
  const action = actionOf(id);
  const isOn = useEditorState((state) => action.isOn?.(state) ?? false);
  return (
    <Tooltip
      openDelay={400}
      label={
        <>
          {action.label} <KeyOf id={id} />
        </>
      }
    >
      <ActionIcon
        variant={isOn ? "light" : "subtle"}
        color={isOn ? "azure" : "gray"}
        aria-label={action.label}
        aria-pressed={action.isOn && isOn}
        onClick={() => action.perform(editor)}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
