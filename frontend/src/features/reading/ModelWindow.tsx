/** Through which window of grey values the model looks at the cine; shown where there is more than one. */

import { Group, NativeSelect, Text } from "@mantine/core";
import { useEditorState, useRoom } from "./useEditor";

const OWN = { value: "", label: "as imported" };

export function ModelWindow() {
  const { editor } = useRoom();
  const chosen = useEditorState((state) => state.modelWindow);
  const canWrite = useEditorState((state) => state.canWrite);
  const names = Object.keys(editor.cine.windows).sort();
  if (!names.length) return null;
  return (
    <Group gap="sm" wrap="nowrap">
      <Text size="xs" c="dark.2" w={72} style={{ flexShrink: 0 }}>
        Model sees
      </Text>
      <NativeSelect
        style={{ flex: 1 }}
        size="xs"
        aria-label="Window that the model looks through"
        disabled={!canWrite}
        value={chosen ?? ""}
        data={[OWN, ...names.map((name) => ({ value: name, label: name }))]}
        onChange={(event) => editor.lookThrough(event.currentTarget.value || null)}
      />
    </Group>
  );
}
