/** Readings whose changes a closed or crashed tab could not send; opening one sends them. */

import { Alert, Anchor, Stack, Text } from "@mantine/core";
import { IconCloudOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { meQuery } from "../../api/queries";
import type { KeptEvent, OutboxStore } from "../../editor/outboxStore";
import type { Tab } from "../../editor/tab";
import { outboxStore, thisTab } from "../reading/unsent";

export interface Unsent {
  readingId: string;
  title: string;
  count: number;
}

/** What is unsent of a reader's, by reading, but for what a tab that still lives is sending. */
export async function unsentOf(owner: string, store: OutboxStore, tab: Tab): Promise<Unsent[]> {
  const byReading = new Map<string, KeptEvent[]>();
  for (const event of await store.all()) {
    const isSomeonesElse = event.owner !== "" && event.owner !== owner;
    const isInHand = event.writer !== tab.token && (await tab.lives(event.writer));
    if (isSomeonesElse || isInHand) continue;
    byReading.set(event.readingId, [...(byReading.get(event.readingId) ?? []), event]);
  }
  return [...byReading].map(([readingId, events]) => ({
    readingId,
    title: events.find((event) => event.title)?.title ?? "A reading",
    count: events.length,
  }));
}

export function UnsentWork() {
  const { data: me } = useQuery(meQuery);
  const owner = me?.username ?? "";
  const { data: unsent } = useQuery({
    queryKey: ["unsent", owner],
    // A browser that forbids its database has kept nothing.
    queryFn: () => unsentOf(owner, outboxStore, thisTab).catch(() => []),
    enabled: me !== undefined,
    networkMode: "always",
    gcTime: 0,
  });
  if (!unsent?.length) return null;
  return (
    <Alert
      icon={<IconCloudOff size={18} />}
      color="orange.4"
      variant="outline"
      title="Unsent work is kept in this browser"
      data-testid="unsent-work"
    >
      <Stack gap={4}>
        {unsent.map(({ readingId, title, count }) => (
          <Text size="sm" key={readingId}>
            <Anchor
              c="inherit"
              underline="always"
              renderRoot={(props) => <Link to="/readings/$readingId" params={{ readingId }} {...props} />}
            >
              {title}
            </Anchor>
            : {count} change{count === 1 ? "" : "s"}, sent as soon as you open it.
          </Text>
        ))}
      </Stack>
    </Alert>
  );
}
