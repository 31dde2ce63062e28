/** Keyboard and mouse: the keys as they are now, and the place to change them. */

import {
  Button,
  FileButton,
  Group,
  Modal,
  SimpleGrid,
  Stack,
  Switch,
  Tabs,
  Text,
  TextInput,
} from "@mantine/core";
import { modals } from "@mantine/modals";
import { IconDownload, IconSearch, IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { useStore } from "zustand";
import { type Action, GROUPS, keyName } from "../../editor/actions";
import { closeness } from "../../editor/fuzzy";
import type { Keymap } from "../../editor/keymap";
import { isDefaultMouse } from "../../editor/mouse";
import { notifyDone, notifyError } from "../../ui/notify";
import { KeyRow } from "./KeyRow";
import { MouseTable } from "./MouseTable";

interface Props {
  keymap: Keymap;
  actions: readonly Action[];
  opened: boolean;
  onClose: () => void;
}

export function KeysDialog({ opened, onClose, ...rest }: Props) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Keyboard and mouse"
      size={980}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Keys {...rest} />
    </Modal>
  );
}

function Keys({ keymap, actions }: Pick<Props, "keymap" | "actions">) {
  useStore(keymap.store);
  const [typed, setTyped] = useState("");
  const [isEditing, setIsEditing] = useState(false);
  const shown = actions.filter((action) => {
    const keys = keymap.keysOf(action.id);
    if (!isEditing && keys.length === 0 && keymap.lostBy(action.id).length === 0) return false;
    return closeness(typed, `${action.label} ${action.group} ${keys.map(keyName).join(" ")}`) !== undefined;
  });
  return (
    <Stack gap="md">
      <Group justify="space-between">
        <TextInput
          data-autofocus
          aria-label="Search the keys"
          placeholder="Search"
          leftSection={<IconSearch size={16} />}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          w={260}
        />
        <Switch
          label="Change keys"
          checked={isEditing}
          onChange={(event) => setIsEditing(event.currentTarget.checked)}
        />
      </Group>
      <Tabs defaultValue="keys" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="keys">Keys</Tabs.Tab>
          <Tabs.Tab value="mouse">Mouse, touch and pen</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="keys" pt="md">
          {shown.length === 0 && (
            <Text size="sm" c="dark.2">
              No key or command is called that.
            </Text>
          )}
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xl">
            {GROUPS.map((group) => {
              const rows = shown.filter((action) => action.group === group);
              return (
                rows.length > 0 && (
                  <Stack key={group} gap={6} role="group" aria-label={group}>
                    <Text size="xs" c="dark.2">
                      {group}
                    </Text>
                    {rows.map((action) => (
                      <KeyRow key={action.id} action={action} keymap={keymap} isEditing={isEditing} />
                    ))}
                  </Stack>
                )
              );
            })}
          </SimpleGrid>
        </Tabs.Panel>
        <Tabs.Panel value="mouse" pt="md">
          <MouseTable keymap={keymap} />
        </Tabs.Panel>
      </Tabs>
      <Files keymap={keymap} />
    </Stack>
  );
}

function Files({ keymap }: { keymap: Keymap }) {
  const isDefault = useStore(
    keymap.store,
    ({ own, mouse }) => Object.keys(own).length === 0 && isDefaultMouse(mouse),
  );
  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([keymap.export()], { type: "application/json" }));
    link.download = "cineloop-keys.json";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function askToReset() {
    modals.openConfirmModal({
      title: "Reset all keys and the mouse?",
      children: <Text size="sm">What you have changed is lost, unless you export it first.</Text>,
      labels: { confirm: "Reset", cancel: "Keep mine" },
      onConfirm: () => keymap.reset(),
    });
  }

  async function load(file: File | null) {
    if (!file) return;
    try {
      const unknown = keymap.import(await file.text());
      notifyDone(
        unknown.length
          ? `The keys are taken over, but for those of commands that do not exist here: ${unknown.join(", ")}.`
          : "The keys are taken over.",
      );
    } catch (error) {
      notifyError(error);
    }
  }

  return (
    <Group justify="space-between">
      <Text size="xs" c="dark.2">
        Kept on your account, and in this browser for when it is out of reach.
      </Text>
      <Group gap="xs">
        <FileButton onChange={load} accept="application/json,.json">
          {(props) => (
            <Button {...props} size="xs" variant="default" leftSection={<IconUpload size={14} />}>
              Import
            </Button>
          )}
        </FileButton>
        <Button size="xs" variant="default" leftSection={<IconDownload size={14} />} onClick={save}>
          Export
        </Button>
        <Button size="xs" variant="subtle" color="gray" disabled={isDefault} onClick={askToReset}>
          Reset everything
        </Button>
      </Group>
    </Group>
  );
}
