/** What the arrow keys and the wheel step through. */

import { Button, Menu } from "@mantine/core";
import { IconCheck, IconChevronDown } from "@tabler/icons-react";
import { actionOf } from "../../../editor/actions";
import type { StepMode as Mode } from "../../../editor/jumps";
import { useEditorState, useRoom } from "../useEditor";

const MODES: Record<Mode, string> = {
  all: "all frames",
  annotated: "with a mask",
  unannotated: "without a mask",
};

export function StepMode() {
  const { editor } = useRoom();
  const mode = useEditorState((state) => state.stepMode);
  return (
    <Menu position="top-end" transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <Button
          size="compact-xs"
          variant={mode === "all" ? "subtle" : "light"}
          color={mode === "all" ? "gray" : "azure"}
          rightSection={<IconChevronDown size={12} />}
          aria-label={`Step through: ${MODES[mode]}`}
        >
          Step: {MODES[mode]}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {(Object.keys(MODES) as Mode[]).map((known) => {
          const action = actionOf(`step-${known}`);
          return (
            <Menu.Item
              key={known}
              rightSection={known === mode ? <IconCheck size={14} /> : undefined}
              onClick={() => action.perform(editor)}
            >
              {action.label}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
