/** What the mouse does over the image, to be chosen; and what fingers and a pen do, to be known. */

import { Group, Select, Stack, Text } from "@mantine/core";
import type { Keymap } from "../../editor/keymap";
import { MOUSE_PARTS, type MouseMap } from "../../editor/mouse";
import { notifyError } from "../../ui/notify";

const MENU = "menu of the image, at that place";
const FIXED = [
  ["Alt with the tool", "its opposite: negative point, erase"],
  ["One finger", "the chosen tool; pan once a pen has been used"],
  ["Two fingers", "zoom and pan"],
  ["Pen", "the chosen tool; its pressure sizes the brush, its end erases"],
];

export function MouseTable({ keymap }: { keymap: Keymap }) {
  return (
    <Stack gap={8} maw={560}>
      {(Object.keys(MOUSE_PARTS) as (keyof MouseMap)[]).map((part) => (
        <Group key={part} justify="space-between">
          <Text size="sm">{MOUSE_PARTS[part].label}</Text>
          <Select
            w={220}
            size="xs"
            aria-label={MOUSE_PARTS[part].label}
            data={Object.entries(MOUSE_PARTS[part].choices).map(([value, label]) => ({ value, label }))}
            value={keymap.mouse[part]}
            allowDeselect={false}
            onChange={(value) => {
              try {
                if (value) keymap.setMouse({ [part]: value });
              } catch (error) {
                notifyError(error);
              }
            }}
          />
        </Group>
      ))}
      {[[keymap.mouse.right === "tool" ? "Menu key" : "Right click", MENU], ...FIXED].map(([what, does]) => (
        <Group key={what} justify="space-between" wrap="nowrap" mih={24}>
          <Text size="sm">{what}</Text>
          <Text size="sm" c="dark.1" ta="right">
            {does}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
