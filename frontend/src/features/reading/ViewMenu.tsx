/** Windows by name, and how the image is held: what is chosen too seldom for a button of its own. */

import { ActionIcon, Menu } from "@mantine/core";
import { IconAdjustmentsHorizontal, IconCheck } from "@tabler/icons-react";
import { actionOf } from "../../editor/actions";
import { presetsFor } from "../../editor/windows";
import { KeyOf } from "./KeyOf";
import { useEditorState, useRoom } from "./useEditor";

const ACTIONS = ["flip-across", "flip-down", "rotate", "actual-size", "fit", "plates"];
const SECOND_PANE = ["compare", "compare-model", "compare-reading"];

export function ViewMenu() {
  const { editor } = useRoom();
  const chosen = useEditorState((state) => state.preset);
  return (
    <Menu position="right-start" shadow="md" returnFocus={false} transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={34} aria-label="Windows and view">
          <IconAdjustmentsHorizontal size={19} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Window</Menu.Label>
        {presetsFor(editor.cine).map((preset) => (
          <Menu.Item
            key={preset.id}
            onClick={() => editor.applyPreset(preset)}
            rightSection={preset.id === chosen && <IconCheck size={14} aria-label="chosen" />}
          >
            {preset.name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Label>View</Menu.Label>
        {ACTIONS.map((id) => (
          <Item key={id} id={id} />
        ))}
        <Menu.Divider />
        <Menu.Label>Second pane</Menu.Label>
        {SECOND_PANE.map((id) => (
          <Item key={id} id={id} />
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Item({ id }: { id: string }) {
  const { editor } = useRoom();
  const action = actionOf(id);
  const isOn = useEditorState((state) => action.isOn?.(state) ?? false);
  return (
    <Menu.Item
      onClick={() => action.perform(editor)}
      rightSection={<KeyOf id={id} />}
      leftSection={isOn ? <IconCheck size={14} aria-label="on" /> : undefined}
    >
      {action.label}
    </Menu.Item>
  );
}
