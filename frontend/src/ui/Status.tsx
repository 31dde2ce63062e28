/** A state as a word with a sign of its own shape, so that it does not hang on colour alone. */

import { Group, Text } from "@mantine/core";

const SIGNS: Record<string, { sign: string; colour: string; word: string }> = {
  NEW: { sign: "○", colour: "dark.2", word: "Not opened" },
  DRAFT: { sign: "◐", colour: "yellow.5", word: "In progress" },
  REOPENED: { sign: "◑", colour: "orange.5", word: "Reopened" },
  SUBMITTED: { sign: "●", colour: "teal.5", word: "Submitted" },
  LOCKED: { sign: "■", colour: "dark.1", word: "Locked" },
  BUILDING: { sign: "◐", colour: "yellow.5", word: "Building" },
  FROZEN: { sign: "❄", colour: "azure.3", word: "Frozen" },
  QUEUED: { sign: "○", colour: "dark.2", word: "Queued" },
  RUNNING: { sign: "▶", colour: "yellow.5", word: "Running" },
  SUCCEEDED: { sign: "●", colour: "teal.5", word: "Succeeded" },
  FAILED: { sign: "✕", colour: "red.5", word: "Failed" },
  CANCELLED: { sign: "–", colour: "dark.2", word: "Cancelled" },
  CANDIDATE: { sign: "○", colour: "dark.2", word: "Candidate" },
  EVALUATED: { sign: "◑", colour: "azure.3", word: "Evaluated" },
  PROMOTED: { sign: "★", colour: "teal.5", word: "In use" },
  RETIRED: { sign: "–", colour: "dark.2", word: "Retired" },
  imported: { sign: "✓", colour: "teal.5", word: "Imported" },
  duplicate: { sign: "=", colour: "dark.1", word: "Already here" },
  refused: { sign: "✕", colour: "red.5", word: "Refused" },
};

export function Status({ state }: { state: string }) {
  const { sign, colour, word } = SIGNS[state] ?? { sign: "?", colour: "dark.2", word: state };
  return (
    <Group gap={6} wrap="nowrap" data-status={state}>
      <Text span c={colour} aria-hidden="true" w={14} ta="center">
        {sign}
      </Text>
      <Text span size="sm">
        {word}
      </Text>
    </Group>
  );
}
