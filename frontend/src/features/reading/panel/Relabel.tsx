/** Give the mask of the label that is drawn to another one: on this frame, on those of the range, or on all. */

import { ActionIcon, ColorSwatch, Menu } from "@mantine/core";
import { IconArrowsRightLeft } from "@tabler/icons-react";
import { Fragment } from "react";
import type { Action } from "../../../editor/actions";
import { RELABEL_SCOPES, relabelId } from "../../../editor/actions/labels";
import type { LabelInfo } from "../../../editor/types";
import { KeyOf } from "../KeyOf";
import { useActions, useWhyNot } from "../useActions";
import { useEditorState, useRoom } from "../useEditor";

export function Relabel({ label }: { label: LabelInfo }) {
  const { editor } = useRoom();
  const range = useEditorState((state) => state.range);
  const actions = useActions();
  const others = editor.labels.filter((other) => other !== label);
  if (!others.length) return null;
  const name = `Give the mask of ${label.name} to another label`;
  return (
    <Menu position="bottom-end" shadow="md" returnFocus={false} transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="sm" aria-label={name} title={name}>
          <IconArrowsRightLeft size={15} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {RELABEL_SCOPES.map(({ scope, title }) => (
          <Fragment key={scope}>
            <Menu.Label>
              {title}
              {scope === "range" && range && `: ${range.start + 1} to ${range.stop + 1}`}
            </Menu.Label>
            {others.map((other) => {
              const action = actions.find(({ id }) => id === relabelId(scope, other));
              return action && <Choice key={other.code} action={action} label={other} />;
            })}
          </Fragment>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Choice({ action, label }: { action: Action; label: LabelInfo }) {
  const { editor } = useRoom();
  const refusal = useWhyNot(action);
  return (
    <Menu.Item
      py={5}
      disabled={refusal !== undefined}
      title={refusal}
      aria-label={action.label}
      leftSection={<ColorSwatch color={label.colour} size={12} withShadow={false} />}
      rightSection={<KeyOf id={action.id} />}
      onClick={() => action.perform(editor)}
    >
      {label.name}
    </Menu.Item>
  );
}
