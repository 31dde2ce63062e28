/** The campaign at a glance: what has been read, what the model could learn from, which model is in use. */

import { Group, Paper, Progress, SimpleGrid, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Schemas } from "../../api/client";

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper p="md" withBorder>
      <Text size="xs" c="dark.2" mb={6}>
        {title}
      </Text>
      {children}
    </Paper>
  );
}

export function SummaryCards({ summary }: { summary: Schemas["CampaignSummary"] }) {
  const { readings } = summary;
  const open = readings.DRAFT + readings.REOPENED;
  const done = readings.SUBMITTED + readings.LOCKED;
  const share = Math.min(100, (100 * summary.accepted_since_last_version) / Math.max(summary.train_after, 1));
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }} spacing="sm">
      <Card title="Cines">
        <Text fz={24} fw={600} className="numbers">
          {summary.cines}
        </Text>
      </Card>
      <Card title="Your campaign's readings">
        <Group gap="xs" align="baseline">
          <Text fz={24} fw={600} className="numbers">
            {done}
          </Text>
          <Text size="sm" c="dark.1" className="numbers">
            submitted, {open} in progress
          </Text>
        </Group>
      </Card>
      <Card title="New accepted cines until the next training">
        <Group gap="xs" align="baseline" mb={6}>
          <Text fz={24} fw={600} className="numbers">
            {summary.accepted_since_last_version}
          </Text>
          <Text size="sm" c="dark.1" className="numbers">
            of {summary.train_after}
          </Text>
          {summary.running_training && (
            <Text size="sm" c="yellow.5">
              training is running
            </Text>
          )}
        </Group>
        <Progress value={share} size={6} aria-label="New accepted cines" />
      </Card>
      <Card title="Model in use">
        <Text fw={600} truncate>
          {summary.current_model ? `#${summary.current_model.number} ${summary.current_model.name}` : "none"}
        </Text>
        <Text size="sm" c="dark.1">
          {summary.latest_version
            ? `newest dataset version ${summary.latest_version.number}`
            : "no dataset version yet"}
        </Text>
      </Card>
    </SimpleGrid>
  );
}
