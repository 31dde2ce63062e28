/** An import while it runs and what became of each file. */

import { Alert, Button, Group, Paper, Progress, ScrollArea, Stack, Table, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Schemas, sentenceOf, upload } from "../../api/client";
import { Status } from "../../ui/Status";

type Batch = Schemas["ImportBatch"];

export function useImport(slug: string) {
  const queries = useQueryClient();
  const [share, setShare] = useState(0);
  const [count, setCount] = useState(0);
  const mutation = useMutation({
    mutationFn: (files: File[]) => {
      const form = new FormData();
      form.append("campaign", slug);
      for (const file of files) form.append("files", file, file.name);
      return upload<Batch>("/api/v1/imports/", form, setShare);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["campaign", slug] }),
  });
  return {
    ...mutation,
    share,
    count,
    start(files: File[]) {
      if (!files.length || mutation.isPending) return;
      setShare(0);
      setCount(files.length);
      mutation.mutate(files);
    },
  };
}

export function ImportPanel({ state }: { state: ReturnType<typeof useImport> }) {
  if (state.isPending) {
    const isSent = state.share >= 1;
    return (
      <Paper p="md" withBorder aria-live="polite">
        <Text size="sm" mb={8}>
          {isSent
            ? "Checking, removing identities and storing …"
            : `Sending ${state.count} file${state.count === 1 ? "" : "s"} …`}
        </Text>
        <Progress value={isSent ? 100 : state.share * 100} animated={isSent} aria-label="Import" />
      </Paper>
    );
  }
  if (state.isError) {
    return (
      <Alert color="red" title="The import was refused" withCloseButton onClose={state.reset}>
        {sentenceOf(state.error)}
      </Alert>
    );
  }
  if (!state.data) return null;
  const items = [...state.data.items].sort(
    (a, b) => Number(a.outcome !== "refused") - Number(b.outcome !== "refused"),
  );
  const counts = (outcome: string) => items.filter((item) => item.outcome === outcome).length;
  return (
    <Paper p="md" withBorder data-testid="import-result">
      <Stack gap="xs">
        <Group justify="space-between">
          <Text fw={600} size="sm" className="numbers">
            {counts("imported")} imported · {counts("duplicate")} already here · {counts("refused")} refused
          </Text>
          <Button size="compact-xs" variant="subtle" color="gray" onClick={state.reset}>
            Close
          </Button>
        </Group>
        <ScrollArea.Autosize mah={220}>
          <Table verticalSpacing={4}>
            <Table.Tbody>
              {items.map((item, place) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: two files may share a name, and the list never changes
                <Table.Tr key={place}>
                  <Table.Td w={130}>
                    <Status state={item.outcome} />
                  </Table.Td>
                  <Table.Td ff="monospace">{item.name}</Table.Td>
                  <Table.Td c="dark.1">{item.message}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollArea.Autosize>
      </Stack>
    </Paper>
  );
}
