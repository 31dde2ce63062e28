/** The frozen versions of the dataset: what is in them, how it is split, where it comes from. */

import {
  Badge,
  Button,
  Code,
  Group,
  Modal,
  Paper,
  Progress,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
  Tooltip,
  VisuallyHidden,
} from "@mantine/core";
import { IconDownload, IconSnowflake } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { client, type Schemas, take } from "../../api/client";
import { datasetItemsQuery, datasetsQuery, summaryQuery } from "../../api/queries";
import { useIsManager } from "../../app/roles";
import { Empty } from "../../ui/Empty";
import { notifyDone, notifyError } from "../../ui/notify";
import { Status } from "../../ui/Status";

type Version = Schemas["DatasetVersion"];

const SPLITS = [
  { key: "train", label: "train", colour: "azure.6" },
  { key: "val", label: "validation", colour: "grape.6" },
  { key: "test", label: "test (locked)", colour: "yellow.6" },
] as const;

export function DatasetsPage() {
  const { slug } = useParams({ from: "/signed-in/shell/campaigns/$slug/datasets" });
  const { data: versions } = useSuspenseQuery(datasetsQuery(slug));
  const { data: summary } = useSuspenseQuery(summaryQuery(slug));
  const queries = useQueryClient();
  const isManager = useIsManager(slug);
  const [reason, setReason] = useState("");
  const [shown, setShown] = useState<Version | null>(null);
  const freeze = useMutation({
    mutationFn: () => take(client.POST("/api/v1/datasets/", { body: { campaign: slug, reason } })),
    onSuccess: (version) => {
      notifyDone(`Version ${version.number} is frozen.`);
      setReason("");
    },
    onError: notifyError,
    onSettled: () => queries.invalidateQueries({ queryKey: ["campaign", slug] }),
  });

  return (
    <Stack gap="lg">
      <Group justify="space-between" align="end">
        <div>
          <Title order={1} size="h2">
            Datasets
          </Title>
          <Text size="sm" c="dark.2" maw={640}>
            A version holds the accepted masks of the submitted readings. Once frozen it never changes;
            patients stay in their split for ever, so the test part is never trained on.
          </Text>
        </div>
        {isManager && (
          <Group align="end" wrap="nowrap">
            <TextInput
              label="Why now (optional)"
              value={reason}
              maxLength={200}
              onChange={(event) => setReason(event.currentTarget.value)}
              w={230}
            />
            <Button
              leftSection={<IconSnowflake size={16} />}
              loading={freeze.isPending}
              onClick={() => freeze.mutate()}
            >
              Freeze version
            </Button>
          </Group>
        )}
      </Group>
      <Text size="sm" className="numbers">
        {summary.accepted_since_last_version} accepted cine
        {summary.accepted_since_last_version === 1 ? "" : "s"} since the last version.
      </Text>
      {versions.results.length === 0 ? (
        <Empty title="No version yet">
          Submit a reading with accepted masks, then freeze the first version. Training always starts from a
          frozen one.
        </Empty>
      ) : (
        <Paper withBorder>
          <Table verticalSpacing="sm" highlightOnHover>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Version</Table.Th>
                <Table.Th>State</Table.Th>
                <Table.Th>Cines</Table.Th>
                <Table.Th>Patients</Table.Th>
                <Table.Th>Masks</Table.Th>
                <Table.Th w={260}>Split of the cines</Table.Th>
                <Table.Th>Manifest</Table.Th>
                <Table.Th>Frozen</Table.Th>
                <Table.Th>
                  <VisuallyHidden>Actions</VisuallyHidden>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {versions.results.map((version) => (
                <Table.Tr key={version.id} data-version={version.number}>
                  <Table.Td fw={600}>{version.number}</Table.Td>
                  <Table.Td>
                    <Status state={version.status} />
                  </Table.Td>
                  <Table.Td className="numbers">{version.counts.cines}</Table.Td>
                  <Table.Td className="numbers">{version.counts.patients}</Table.Td>
                  <Table.Td className="numbers">{version.counts.masks}</Table.Td>
                  <Table.Td>
                    <SplitBar version={version} />
                  </Table.Td>
                  <Table.Td>
                    <Tooltip label={`SHA-256 ${version.manifest_digest}`}>
                      <Code>{version.manifest_digest.slice(0, 10)}</Code>
                    </Tooltip>
                  </Table.Td>
                  <Table.Td>
                    <Text size="sm">{new Date(version.created_at).toLocaleString()}</Text>
                    <Text size="xs" c="dark.2">
                      {version.reason || version.created_by || "by the training policy"}
                    </Text>
                  </Table.Td>
                  <Table.Td ta="right">
                    <Group gap={4} justify="end" wrap="nowrap">
                      <Button size="compact-sm" variant="subtle" onClick={() => setShown(version)}>
                        Contents
                      </Button>
                      <Button
                        size="compact-sm"
                        variant="subtle"
                        component="a"
                        href={`/api/v1/datasets/${version.id}/manifest/`}
                        aria-label={`Download the manifest of version ${version.number}`}
                      >
                        <IconDownload size={16} />
                      </Button>
                    </Group>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Paper>
      )}
      <Modal
        opened={shown !== null}
        onClose={() => setShown(null)}
        size="xl"
        title={`Version ${shown?.number ?? ""}`}
      >
        {shown && <Contents version={shown} />}
      </Modal>
    </Stack>
  );
}

function SplitBar({ version }: { version: Version }) {
  const total = Math.max(version.counts.cines, 1);
  return (
    <Stack gap={4}>
      <Progress.Root size={10} aria-hidden="true">
        {SPLITS.map(({ key, colour }) => (
          <Progress.Section
            key={key}
            value={(100 * version.counts.splits[key].cines) / total}
            color={colour}
          />
        ))}
      </Progress.Root>
      <Group gap="xs">
        {SPLITS.map(({ key, label, colour }) => (
          <Group key={key} gap={4}>
            <Text span c={colour} size="xs" aria-hidden="true">
              ■
            </Text>
            <Text span size="xs" c="dark.1" className="numbers">
              {label} {version.counts.splits[key].cines}
            </Text>
          </Group>
        ))}
      </Group>
    </Stack>
  );
}

function Contents({ version }: { version: Version }) {
  const { data } = useQuery(datasetItemsQuery(version.id));
  return (
    <Table verticalSpacing={4}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Cine</Table.Th>
          <Table.Th>Patient</Table.Th>
          <Table.Th>Reader</Table.Th>
          <Table.Th>Split</Table.Th>
          <Table.Th>Masks</Table.Th>
          <Table.Th>Assisted by</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {data?.results.map((item) => (
          <Table.Tr key={item.id}>
            <Table.Td>{item.cine_title}</Table.Td>
            <Table.Td ff="monospace">{item.patient_key}</Table.Td>
            <Table.Td ff="monospace">{item.reader_blind_code}</Table.Td>
            <Table.Td>
              <Badge variant="default" size="sm">
                {item.split}
              </Badge>
            </Table.Td>
            <Table.Td className="numbers">{item.masks}</Table.Td>
            <Table.Td>
              <Code>{item.assisting_model ? item.assisting_model.slice(0, 10) : "none"}</Code>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
