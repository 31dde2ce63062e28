/** The menu of the image, where a click of the right button asked for it. */

import { Kbd, Menu, UnstyledButton } from "@mantine/core";
import { Fragment } from "react";
import { type Action, keyName, type Place, whyNot } from "../../editor/actions";
import { useActions } from "./useActions";
import { useEditorState, useRoom } from "./useEditor";

export function ContextMenu() {
  const { editor } = useRoom();
  const at = useEditorState((state) => state.menu);
  const actions = useActions().filter((action) => action.isOffered?.(editor.state) ?? true);
  if (!at) return null;
  const parts = [
    actions.filter((action) => action.menu === "here"),
    actions.filter((action) => action.menu === "also"),
  ];
  return (
    <Menu
      key={`${at.clientX}/${at.clientY}`}
      opened
      onChange={(opened) => !opened && editor.set({ menu: null })}
      position="bottom-start"
      offset={2}
      transitionProps={{ duration: 0 }}
      returnFocus
      withInitialFocusPlaceholder={false}
      trapFocus
    >
      <Menu.Target>
        <UnstyledButton
          aria-label="Image"
          tabIndex={-1}
          style={{ position: "fixed", left: at.clientX, top: at.clientY, width: 0, height: 0 }}
        />
      </Menu.Target>
      <Menu.Dropdown>
        {parts.map((part, place) => (
          <Fragment key={part[0]?.id ?? "none"}>
            {place > 0 && <Menu.Divider />}
            {part.map((action) => (
              <Item key={action.id} action={action} at={at} />
            ))}
          </Fragment>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Item({ action, at }: { action: Action; at: Place }) {
  const { editor } = useRoom();
  const refusal = whyNot(action, editor.state);
  const [key] = editor.keymap.keysOf(action.id);
  return (
    <Menu.Item
      disabled={refusal !== undefined}
      title={refusal}
      onClick={() => action.perform(editor, at)}
      rightSection={key && <Kbd size="xs">{keyName(key)}</Kbd>}
    >
      {action.label}
    </Menu.Item>
  );
}
