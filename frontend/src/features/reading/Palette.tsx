/** The command palette: everything that can be done, found by a few letters. */

import { Group, Kbd, Modal, Text, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useId, useRef, useState } from "react";
import { type Action, keyName, whyNot } from "../../editor/actions";
import { closest } from "../../editor/fuzzy";
import { useActions } from "./useActions";
import { useEditorState, useRoom } from "./useEditor";

export function Palette() {
  const { editor } = useRoom();
  const isOpen = useEditorState((state) => state.overlay === "palette");
  const close = () => editor.set({ overlay: null });
  return (
    <Modal.Root opened={isOpen} onClose={close} yOffset="12vh" size="lg" transitionProps={{ duration: 0 }}>
      <Modal.Overlay />
      <Modal.Content aria-label="Commands">
        <Finder onDone={close} />
      </Modal.Content>
    </Modal.Root>
  );
}

function Finder({ onDone }: { onDone: () => void }) {
  const { editor } = useRoom();
  const id = useId();
  const [typed, setTyped] = useState("");
  const [marked, setMarked] = useState(0);
  const actions = useActions().filter(
    // What acts at a place has none here, and what lasts while its key is held has no key.
    (action) =>
      action.id !== "palette" &&
      action.menu !== "here" &&
      !action.release &&
      (action.isOffered?.(editor.state) ?? true),
  );
  const shown = closest(actions, typed, (action) => `${action.label} ${action.group}`);

  function run(action: Action | undefined) {
    if (!action || whyNot(action, editor.state)) return;
    onDone();
    action.perform(editor);
  }

  function press(event: React.KeyboardEvent) {
    if (event.nativeEvent.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setMarked((marked + step + shown.length) % Math.max(shown.length, 1));
    else if (event.key === "Enter") run(shown[marked]);
    else return;
    event.preventDefault();
  }

  return (
    <>
      <TextInput
        data-autofocus
        variant="unstyled"
        size="md"
        px="md"
        py={6}
        leftSection={<IconSearch size={18} />}
        leftSectionWidth={44}
        placeholder="Find a command"
        aria-label="Find a command"
        role="combobox"
        aria-expanded
        aria-haspopup="listbox"
        aria-controls={id}
        aria-activedescendant={shown.length ? `${id}-${marked}` : undefined}
        autoComplete="off"
        spellCheck={false}
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          setMarked(0);
        }}
        onKeyDown={press}
        style={{ borderBottom: "1px solid var(--line)" }}
      />
      {shown.length > 0 ? (
        <div id={id} role="listbox" aria-label="Commands" className="commands">
          {shown.map((action, place) => (
            <Entry
              key={action.id}
              id={`${id}-${place}`}
              action={action}
              isMarked={place === marked}
              onMark={() => setMarked(place)}
              onRun={() => run(action)}
            />
          ))}
        </div>
      ) : (
        <Text id={id} size="sm" c="dark.1" p="md" role="status">
          No command is called that.
        </Text>
      )}
    </>
  );
}

function Entry({
  id,
  action,
  isMarked,
  onMark,
  onRun,
}: {
  id: string;
  action: Action;
  isMarked: boolean;
  onMark: () => void;
  onRun: () => void;
}) {
  const { editor } = useRoom();
  const place = useRef<HTMLDivElement>(null);
  const refusal = whyNot(action, editor.state);
  useEffect(() => {
    if (isMarked) place.current?.scrollIntoView?.({ block: "nearest" });
  }, [isMarked]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field above, as ARIA has it for comboboxes
    // biome-ignore lint/a11y/useFocusableInteractive: the field above keeps the focus
    <div
      ref={place}
      id={id}
      role="option"
      className="command"
      aria-selected={isMarked}
      aria-disabled={refusal !== undefined || undefined}
      onMouseMove={onMark}
      onClick={onRun}
    >
      <div>
        <Text size="sm" c={refusal ? "dark.2" : undefined}>
          {action.label}
          {action.isOn?.(editor.state) && (
            <Text span size="xs" c="azure.3" ml={8}>
              on
            </Text>
          )}
        </Text>
        {refusal && (
          <Text size="xs" c="dark.2">
            {refusal}
          </Text>
        )}
      </div>
      <Group gap={6} wrap="nowrap">
        <Text size="xs" c="dark.1">
          {action.group}
        </Text>
        {editor.keymap.keysOf(action.id).map((key) => (
          <Kbd key={key} size="xs">
            {keyName(key)}
          </Kbd>
        ))}
      </Group>
    </div>
  );
}
