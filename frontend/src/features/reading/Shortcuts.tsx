/** The list of shortcuts, made from the table of actions. */

import { Group, Kbd, Modal, SimpleGrid, Stack, Text } from "@mantine/core";
import { ACTIONS, GROUPS, keyName } from "../../editor/actions";

const MOUSE = [
  ["Left button", "the chosen tool; with Alt its opposite"],
  ["Middle button", "pan"],
  ["Right button", "zoom"],
  ["Wheel", "frames; with Ctrl zoom"],
  ["1 … 8", "choose a label"],
];

export function Shortcuts({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard and mouse" size="xl">
      <SimpleGrid cols={2} spacing="xl">
        {GROUPS.map((group) => (
          <Stack key={group} gap={4}>
            <Text size="xs" c="dark.2">
              {group}
            </Text>
            {ACTIONS.filter((action) => action.group === group).map((action) => (
              <Group key={action.id} justify="space-between" wrap="nowrap">
                <Text size="sm">{action.label}</Text>
                <Group gap={4} wrap="nowrap">
                  {action.keys.map((key) => (
                    <Kbd key={key} size="xs">
                      {keyName(key)}
                    </Kbd>
                  ))}
                </Group>
              </Group>
            ))}
          </Stack>
        ))}
        <Stack gap={4}>
          <Text size="xs" c="dark.2">
            Mouse and the rest
          </Text>
          {MOUSE.map(([what, does]) => (
            <Group key={what} justify="space-between" wrap="nowrap">
              <Text size="sm">{does}</Text>
              <Text size="sm" c="dark.1">
                {what}
              </Text>
            </Group>
          ))}
        </Stack>
      </SimpleGrid>
    </Modal>
  );
}
