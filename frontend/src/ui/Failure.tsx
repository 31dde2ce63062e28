/** A whole page that could not be shown: why, and what to do about it. */

import { Button, Center, Code, Group, Stack, Text, Title } from "@mantine/core";
import { sentenceOf } from "../api/client";
import { Refusal } from "../editor/types";

export function Failure({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  return (
    <Center h="70vh" role="alert">
      <Stack align="center" gap="sm" maw={480}>
        <Title order={1} size="h3">
          This page cannot be shown
        </Title>
        <Text ta="center" c="dark.1">
          {sentenceOf(error)}
        </Text>
        {error instanceof Refusal && <Code>{error.code}</Code>}
        <Group>
          <Button variant="default" onClick={onRetry}>
            Try again
          </Button>
          <Button variant="subtle" component="a" href="/">
            To the worklist
          </Button>
        </Group>
      </Stack>
    </Center>
  );
}
