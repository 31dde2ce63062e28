/** One command with its keys; while changing them, a key is given by pressing it. */

import { ActionIcon, Alert, Button, Group, Kbd, Stack, Text, Tooltip } from "@mantine/core";
import { IconPlus, IconRotate, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { type Action, keyName } from "../../editor/actions";
import { recordedChord, whyNotBindable } from "../../editor/chords";
import type { Keymap } from "../../editor/keymap";

interface Props {
  action: Action;
  keymap: Keymap;
  isEditing: boolean;
}

export function KeyRow({ action, keymap, isEditing }: Props) {
  const [wanted, setWanted] = useState<string | null>(null);
  const lost = keymap.lostBy(action.id);
  return (
    <Stack gap={4} data-action={action.id}>
      <Group justify="space-between" wrap="nowrap" gap="md" mih={isEditing ? 30 : undefined}>
        <div>
          <Text size="sm">{action.label}</Text>
          {lost.map(({ chord, to }) => (
            <Text key={chord} size="xs" c="yellow.5">
              {keyName(chord)} is now “{to.label}”.
            </Text>
          ))}
        </div>
        <Group gap={4} wrap="nowrap">
          {keymap.keysOf(action.id).map((chord) =>
            isEditing ? (
              <Button
                key={chord}
                size="compact-xs"
                variant="default"
                rightSection={<IconX size={12} />}
                aria-label={`Take ${keyName(chord)} from ${action.label}`}
                onClick={() => keymap.unbind(action.id, chord)}
              >
                {keyName(chord)}
              </Button>
            ) : (
              <Kbd key={chord} size="xs">
                {keyName(chord)}
              </Kbd>
            ),
          )}
          {isEditing && (
            <>
              <Recorder action={action} keymap={keymap} onWanted={setWanted} />
              <Tooltip label="Default keys">
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size="sm"
                  aria-label={`Default keys of ${action.label}`}
                  disabled={!keymap.isChanged(action.id)}
                  onClick={() => keymap.reset(action.id)}
                >
                  <IconRotate size={14} />
                </ActionIcon>
              </Tooltip>
            </>
          )}
        </Group>
      </Group>
      {wanted && <Conflict chord={wanted} action={action} keymap={keymap} onDone={() => setWanted(null)} />}
    </Stack>
  );
}

function Recorder({
  action,
  keymap,
  onWanted,
}: Pick<Props, "action" | "keymap"> & { onWanted: (chord: string | null) => void }) {
  const [isListening, setIsListening] = useState(false);

  function press(event: React.KeyboardEvent) {
    // Tab and Escape leave, as everywhere: nobody is kept in here.
    if (!isListening || event.key === "Tab") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") return setIsListening(false);
    const chord = recordedChord(event.nativeEvent);
    if (!chord) return;
    setIsListening(false);
    const holder = keymap.holderOf(chord);
    if (holder?.id === action.id) return;
    if (holder || whyNotBindable(chord)) onWanted(chord);
    else keymap.bind(action.id, chord);
  }

  return (
    <Button
      size="compact-xs"
      variant={isListening ? "filled" : "subtle"}
      color={isListening ? "azure" : "gray"}
      aria-label={isListening ? `Press the key for ${action.label}` : `Add a key for ${action.label}`}
      data-mantine-stop-propagation={isListening || undefined}
      onClick={() => {
        onWanted(null);
        setIsListening(true);
      }}
      onBlur={() => setIsListening(false)}
      onKeyDown={press}
      // Space pressed as the new key would click the button again when it goes up.
      onKeyUp={(event) => event.key === " " && event.preventDefault()}
    >
      {isListening ? "Press a key …" : <IconPlus size={14} />}
    </Button>
  );
}

function Conflict({
  chord,
  action,
  keymap,
  onDone,
}: Pick<Props, "action" | "keymap"> & { chord: string; onDone: () => void }) {
  const refusal = whyNotBindable(chord);
  const holder = keymap.holderOf(chord);
  return (
    <Alert variant="outline" color="yellow" p="xs" role="alert">
      <Group justify="space-between">
        <Text size="sm">{refusal ?? `${keyName(chord)} already means “${holder?.label}”.`}</Text>
        <Group gap="xs">
          {!refusal && (
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => {
                keymap.bind(action.id, chord);
                onDone();
              }}
            >
              Take it over
            </Button>
          )}
          <Button size="compact-sm" variant="subtle" color="gray" onClick={onDone}>
            Leave it
          </Button>
        </Group>
      </Group>
    </Alert>
  );
}
