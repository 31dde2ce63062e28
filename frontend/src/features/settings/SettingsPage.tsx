/** How a campaign learns and who takes part. */

import {
  Badge,
  Button,
  ColorSwatch,
  Group,
  NumberInput,
  Paper,
  SimpleGrid,
  Stack,
  Switch,
  Table,
  Text,
  Title,
} from "@mantine/core";
import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { client, take } from "../../api/client";
import { campaignsQuery } from "../../api/queries";
import { useIsManager } from "../../app/roles";
import { notifyDone, notifyError } from "../../ui/notify";

export function SettingsPage() {
  const { slug } = useParams({ from: "/signed-in/shell/campaigns/$slug/settings" });
  const { data: campaigns } = useSuspenseQuery(campaignsQuery);
  const campaign = campaigns.results.find((known) => known.slug === slug);
  const queries = useQueryClient();
  const isManager = useIsManager(slug);
  const [trainAfter, setTrainAfter] = useState(campaign?.train_after ?? 5);
  const [readings, setReadings] = useState(campaign?.readings_per_cine ?? 1);
  const [minGain, setMinGain] = useState(campaign?.min_gain ?? 0);
  const [autoPromote, setAutoPromote] = useState(campaign?.auto_promote ?? false);
  const save = useMutation({
    mutationFn: () =>
      take(
        client.PATCH("/api/v1/campaigns/{slug}/", {
          params: { path: { slug } },
          body: {
            train_after: trainAfter,
            readings_per_cine: readings,
            min_gain: minGain,
            auto_promote: autoPromote,
          },
        }),
      ),
    onSuccess: () => notifyDone("Saved."),
    onError: notifyError,
    onSettled: () => queries.invalidateQueries(),
  });
  if (!campaign) return <Text>There is no such campaign.</Text>;
  return (
    <Stack gap="lg" maw={900}>
      <Title order={1} size="h2">
        {campaign.name}
      </Title>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Paper p="md" withBorder>
          <Title order={2} size="h4" mb="md">
            Learning
          </Title>
          <Stack>
            <NumberInput
              label="Train after this many new accepted cines"
              description="Counted since the last dataset version. The button on the training page works at any time."
              value={trainAfter}
              onChange={(value) => setTrainAfter(Number(value))}
              min={1}
              allowDecimal={false}
              disabled={!isManager}
            />
            <Switch
              label="Promote a better model by itself"
              description="Only when it beats the model in use on the locked test part."
              checked={autoPromote}
              onChange={(event) => setAutoPromote(event.currentTarget.checked)}
              disabled={!isManager}
            />
            <NumberInput
              label="Least gain in IoU for that"
              value={minGain}
              onChange={(value) => setMinGain(Number(value))}
              min={0}
              max={1}
              step={0.01}
              disabled={!isManager || !autoPromote}
            />
            <NumberInput
              label="Readings for each cine"
              value={readings}
              onChange={(value) => setReadings(Number(value))}
              min={1}
              allowDecimal={false}
              disabled={!isManager}
            />
            {isManager ? (
              <Button onClick={() => save.mutate()} loading={save.isPending}>
                Save
              </Button>
            ) : (
              <Text size="sm" c="dark.2">
                Managers of the campaign can change this.
              </Text>
            )}
          </Stack>
        </Paper>
        <Stack>
          <Paper p="md" withBorder>
            <Title order={2} size="h4" mb="sm">
              Labels: {campaign.schema_name}
            </Title>
            <Stack gap={6}>
              {campaign.labels.map((label) => (
                <Group key={label.code} gap="sm">
                  <ColorSwatch color={label.colour} size={14} withShadow={false} />
                  <Text size="sm" style={{ flex: 1 }}>
                    {label.index}. {label.name}
                  </Text>
                  <Text size="xs" c="dark.2" ff="monospace">
                    {label.coding_scheme} {label.code_value}
                  </Text>
                </Group>
              ))}
            </Stack>
          </Paper>
          <Paper p="md" withBorder>
            <Title order={2} size="h4" mb="sm">
              Members
            </Title>
            <Table verticalSpacing={4}>
              <Table.Tbody>
                {campaign.members.map((member) => (
                  <Table.Tr key={member.username}>
                    <Table.Td>{member.display_name}</Table.Td>
                    <Table.Td ta="right">
                      <Badge variant="default" size="sm">
                        {member.role.toLowerCase()}
                      </Badge>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Paper>
        </Stack>
      </SimpleGrid>
    </Stack>
  );
}
