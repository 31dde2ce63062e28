/** What a page says while there is nothing to show yet. */

import { Paper, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children: ReactNode;
  action?: ReactNode;
}) {
  return (
    <Paper p="xl" withBorder>
      <Stack align="center" gap="xs">
        <Text fw={600}>{title}</Text>
        <Text c="dark.2" size="sm" ta="center" maw={520}>
          {children}
        </Text>
        {action}
      </Stack>
    </Paper>
  );
}
