/** What the second pane shows: a kept frame, what the model answered, or another reading of the same cine. */

import type { MaskRow } from "../types";

export type Second = { of: "frame"; frameIndex: number } | { of: "model" } | { of: "reading"; id: string };

/** Whether the second pane shows the same frame as the first, with the masks of somebody else. */
export function isComparison(second: Second | null): boolean {
  return second !== null && second.of !== "frame";
}

/** A reading of the same cine that this reader may see; whose it is, only a blind code says. */
export interface OtherReading {
  id: string;
  /** Blind code of its reader. */
  reader: string;
  is_own: boolean;
  campaign_name: string;
  status: string;
  /** Names of labels that this reading does not know. */
  labels_left_out: readonly string[];
}

/** How what lies beside a reading is fetched; frames are 0-based, both ends included. */
export interface ComparisonGateway {
  /** The last answer of the model for each label and frame. */
  answers(start: number, stop: number): Promise<MaskRow[]>;
  others(): Promise<OtherReading[]>;
  /** The masks of another reading, in the labels of this one. */
  otherMasks(id: string, start: number, stop: number): Promise<{ revision: number; masks: MaskRow[] }>;
}

/** For a reading that has nothing beside it. */
export const NOTHING_BESIDE: ComparisonGateway = {
  answers: async () => [],
  others: async () => [],
  otherMasks: async () => ({ revision: 0, masks: [] }),
};

const STATUS: Record<string, string> = { DRAFT: "draft", REOPENED: "reopened", LOCKED: "locked" };

/** What a reading is called; the campaign tells one's own apart, which are never of the same one. */
export function nameOf(other: OtherReading): string {
  const state = STATUS[other.status];
  const notes = [other.is_own ? other.campaign_name : "", state ?? ""].filter(Boolean).join(", ");
  return `${other.is_own ? "My reading" : other.reader}${notes ? ` (${notes})` : ""}`;
}
