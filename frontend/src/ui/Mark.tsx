/** The product's mark: a loop of frames. */

import { Group, Text } from "@mantine/core";

export function Mark({ size = 22 }: { size?: number }) {
  return (
    <Group gap={8} wrap="nowrap">
      <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
        <path
          d="M12 3a9 9 0 1 1-8.2 5.3"
          fill="none"
          stroke="#46a2e9"
          strokeWidth="2.4"
          strokeLinecap="round"
          strokeDasharray="5.2 2.6"
        />
        <path d="M10 8.5v7l5.6-3.5z" fill="#dcdee0" />
      </svg>
      <Text fw={650} size="md" c="dark.0" style={{ letterSpacing: "-0.01em" }}>
        CineLoop
      </Text>
    </Group>
  );
}
