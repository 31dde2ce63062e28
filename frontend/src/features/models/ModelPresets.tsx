/** Which model to try first for which modality, and whether that is advice or was measured. */

import { Paper, Table, Text, Title, Tooltip } from "@mantine/core";
import type { Schemas } from "../../api/client";

type Preset = Schemas["ModelPreset"];

export function ModelPresets({ presets, modality }: { presets: readonly Preset[]; modality?: string }) {
  return (
    <div>
      <Title order={2} size="h4" mb="xs">
        Which model for which modality
      </Title>
      <Paper withBorder>
        <Table verticalSpacing="xs" aria-label="Which model for which modality">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Modality</Table.Th>
              <Table.Th>Try first</Table.Th>
              <Table.Th>Why</Table.Th>
              <Table.Th>Grey values</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {presets.map((preset) => (
              <Table.Tr
                key={preset.modality}
                data-modality={preset.modality}
                aria-current={preset.modality === modality ? "true" : undefined}
              >
                <Table.Td>
                  <Text size="sm" fw={preset.modality === modality ? 600 : 400}>
                    {preset.modality_name}
                  </Text>
                  {preset.modality === modality && (
                    <Text size="xs" c="dark.2">
                      this campaign
                    </Text>
                  )}
                </Table.Td>
                <Table.Td>
                  <First preset={preset} />
                </Table.Td>
                <Table.Td maw={380}>
                  <Text size="sm" c="dark.1">
                    {preset.reason}
                  </Text>
                  {preset.modality === modality && preset.hint && (
                    <Text size="xs" c="dark.2">
                      {preset.hint}
                    </Text>
                  )}
                </Table.Td>
                <Table.Td maw={300}>
                  <Text size="xs" c="dark.2">
                    {preset.window}
                  </Text>
                  {preset.windows.length > 0 && (
                    <Tooltip label="Level and width in Hounsfield units">
                      <Text size="xs" c="dark.2" className="numbers">
                        {preset.windows
                          .map(({ name, level, width }) => `${name} ${level}/${width}`)
                          .join(" · ")}
                      </Text>
                    </Tooltip>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Paper>
    </div>
  );
}

/** What to try first: a family by advice, a model with its figure once it was measured. */
function First({ preset }: { preset: Preset }) {
  const { measured } = preset;
  return (
    <>
      <Text size="sm" fw={600}>
        {measured ? `#${measured.model.number} ${measured.model.name}` : preset.family_title}
      </Text>
      <Text size="xs" c={measured ? "teal.4" : "dark.2"} className="numbers">
        {measured
          ? `measured: IoU ${measured.iou.toFixed(3)} on ${measured.cines} cine${measured.cines === 1 ? "" : "s"}`
          : "not measured yet"}
      </Text>
      {preset.also_try.length > 0 && (
        <Text size="xs" c="dark.2">
          also try {preset.also_try.join(", ")}
        </Text>
      )}
    </>
  );
}
