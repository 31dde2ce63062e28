/** What there is to read, how far it is, and the place where new cines are dropped. */

import {
  Badge,
  Box,
  Button,
  Group,
  Paper,
  Progress,
  SegmentedControl,
  Stack,
  Table,
  Text,
  Title,
  Tooltip,
  VisuallyHidden,
} from "@mantine/core";
import { IconAlertTriangle, IconArrowRight, IconUpload } from "@tabler/icons-react";
import { useMutation, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { client, type Schemas, take } from "../../api/client";
import { modelsQuery, summaryQuery, worklistQuery } from "../../api/queries";
import { Empty } from "../../ui/Empty";
import { notifyError } from "../../ui/notify";
import { Status } from "../../ui/Status";
import { filesOf } from "./dropped";
import { ImportPanel, useImport } from "./ImportPanel";
import { SummaryCards } from "./SummaryCards";
import { UnsentWork } from "./UnsentWork";

type Row = Schemas["WorklistRow"];

const FILTERS = [
  { value: "all", label: "All" },
  { value: "NEW", label: "Not opened" },
  { value: "open", label: "In progress" },
  { value: "SUBMITTED", label: "Submitted" },
];

function stateOf(row: Row): string {
  return row.reading?.status ?? "NEW";
}

function isShown(row: Row, filter: string): boolean {
  const state = stateOf(row);
  return (
    filter === "all" || state === filter || (filter === "open" && (state === "DRAFT" || state === "REOPENED"))
  );
}

/** The row to read next: what was begun comes before what is new. */
export function nextRow(rows: readonly Row[]): Row | undefined {
  const open = rows.find((row) => row.reading && ["DRAFT", "REOPENED"].includes(row.reading.status));
  return open ?? rows.find((row) => !row.reading);
}

export function useOpenReading() {
  const navigate = useNavigate();
  return useMutation({
    mutationFn: (row: { cine: string; campaign: string }) =>
      take(client.POST("/api/v1/readings/", { body: row })),
    onSuccess: (reading) => navigate({ to: "/readings/$readingId", params: { readingId: reading.id } }),
    onError: notifyError,
  });
}

export function WorklistPage() {
  const { slug } = useParams({ from: "/signed-in/shell/campaigns/$slug/worklist" });
  const { data: worklist } = useSuspenseQuery(worklistQuery(slug));
  const { data: summary } = useSuspenseQuery(summaryQuery(slug));
  const { data: models } = useQuery(modelsQuery(slug));
  const [filter, setFilter] = useState("all");
  const [isOver, setIsOver] = useState(false);
  const open = useOpenReading();
  const importing = useImport(slug);
  const picker = useRef<HTMLInputElement>(null);
  const rows = worklist.results.filter((row) => isShown(row, filter));
  const next = nextRow(worklist.results);
  const modelNames = new Map(models?.results.map((model) => [model.id, `#${model.number}`]));

  return (
    <Box
      data-testid="dropzone"
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={(event) => event.currentTarget === event.target && setIsOver(false)}
      onDrop={async (event) => {
        event.preventDefault();
        setIsOver(false);
        importing.start(await filesOf(event.dataTransfer));
      }}
      mih="calc(100vh - 100px)"
      style={{
        outline: isOver ? "2px dashed var(--mantine-color-azure-4)" : "none",
        outlineOffset: 8,
        borderRadius: 6,
      }}
    >
      <Stack gap="lg">
        <Group justify="space-between">
          <Title order={1} size="h2">
            Worklist
          </Title>
          <Group>
            <input
              ref={picker}
              type="file"
              multiple
              hidden
              aria-label="Files to import"
              onChange={(event) => {
                importing.start([...(event.currentTarget.files ?? [])]);
                event.currentTarget.value = "";
              }}
            />
            <Button
              variant="default"
              leftSection={<IconUpload size={16} />}
              onClick={() => picker.current?.click()}
            >
              Import
            </Button>
            <Button
              rightSection={<IconArrowRight size={16} />}
              disabled={!next}
              loading={open.isPending}
              onClick={() => next && open.mutate({ cine: next.cine.id, campaign: slug })}
            >
              Read next
            </Button>
          </Group>
        </Group>
        <UnsentWork />
        <SummaryCards summary={summary} />
        <ImportPanel state={importing} />
        <Group justify="space-between">
          <SegmentedControl size="xs" value={filter} onChange={setFilter} data={FILTERS} aria-label="Show" />
          <Text size="sm" c="dark.2" className="numbers">
            {rows.length} of {worklist.count} cines to read here
          </Text>
        </Group>
        {rows.length === 0 ? (
          <Empty title={worklist.count ? "Nothing here" : "No cines yet"}>
            {worklist.count
              ? "No cine is in this state. Choose another one above."
              : "Drop DICOM files, folders or a .zip archive anywhere on this page. Patient identities are replaced by pseudonyms at import."}
          </Empty>
        ) : (
          <Paper withBorder>
            <Table verticalSpacing={6} highlightOnHover>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th w={76}>
                    <VisuallyHidden>First look</VisuallyHidden>
                  </Table.Th>
                  <Table.Th>Cine</Table.Th>
                  <Table.Th>Patient</Table.Th>
                  <Table.Th>Frames</Table.Th>
                  <Table.Th w={190}>Frames with masks</Table.Th>
                  <Table.Th>State</Table.Th>
                  <Table.Th>Model</Table.Th>
                  <Table.Th>
                    <VisuallyHidden>Open</VisuallyHidden>
                  </Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((row) => (
                  <Table.Tr key={row.cine.id} data-cine={row.cine.id}>
                    <Table.Td>
                      <img
                        src={`/api/v1/cines/${row.cine.id}/thumbnail/`}
                        alt=""
                        width={56}
                        height={56}
                        loading="lazy"
                        style={{ objectFit: "cover", borderRadius: 3, display: "block", background: "#000" }}
                      />
                    </Table.Td>
                    <Table.Td>
                      <Group gap={6} wrap="nowrap">
                        <Text size="sm">{row.cine.title}</Text>
                        <Badge size="xs" variant="default" radius="sm">
                          {row.cine.modality}
                        </Badge>
                        {row.cine.warnings > 0 && (
                          <Tooltip label="The import left remarks; they are shown in the reading.">
                            <IconAlertTriangle
                              size={15}
                              color="var(--mantine-color-yellow-5)"
                              aria-label="Has remarks"
                            />
                          </Tooltip>
                        )}
                      </Group>
                    </Table.Td>
                    <Table.Td ff="monospace">{row.cine.patient_key}</Table.Td>
                    <Table.Td className="numbers">{row.cine.frame_count}</Table.Td>
                    <Table.Td>
                      <FrameProgress row={row} />
                    </Table.Td>
                    <Table.Td>
                      <Status state={stateOf(row)} />
                    </Table.Td>
                    <Table.Td className="numbers">{modelNames.get(row.model_id ?? "") ?? "–"}</Table.Td>
                    <Table.Td ta="right">
                      <Button
                        size="compact-sm"
                        variant="subtle"
                        onClick={() => open.mutate({ cine: row.cine.id, campaign: slug })}
                        aria-label={`Open ${row.cine.title}`}
                      >
                        {row.reading ? "Continue" : "Open"}
                      </Button>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Paper>
        )}
      </Stack>
    </Box>
  );
}

function FrameProgress({ row }: { row: Row }) {
  const progress = row.reading?.progress;
  if (!progress) return <Text c="dark.3">–</Text>;
  const share = (count: number) => (100 * count) / progress.frames;
  return (
    <Tooltip
      label={`${progress.masked} of ${progress.frames} frames have masks, ${progress.accepted} are accepted`}
    >
      <Progress.Root size={8}>
        <Progress.Section value={share(progress.accepted)} color="teal.6" aria-label="Accepted frames" />
        <Progress.Section
          value={share(Math.max(progress.masked - progress.accepted, 0))}
          color="azure.7"
          aria-label="Frames with masks, not accepted"
        />
      </Progress.Root>
    </Tooltip>
  );
}
