/** The campaign's WebSocket: each hint says what to ask the server again. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

const KEYS: Record<string, string[]> = {
  import: ["worklist", "summary"],
  training: ["training-runs", "summary"],
  model: ["models", "evaluations", "promotions", "summary", "worklist", "training-runs", "model-presets"],
  dataset: ["datasets", "summary"],
  reading: ["worklist", "summary"],
};
const RETRY_MS = 3000;

export function useCampaignHints(slug: string): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!slug) return;
    let socket: WebSocket | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isClosed = false;
    const open = (isAgain: boolean) => {
      const scheme = window.location.protocol === "https:" ? "wss" : "ws";
      socket = new WebSocket(`${scheme}://${window.location.host}/ws/campaigns/${slug}/`);
      socket.onopen = () => {
        if (isAgain) void queries.invalidateQueries({ queryKey: ["campaign", slug] });
      };
      socket.onmessage = (message) => {
        const hint = JSON.parse(String(message.data)) as { type: string };
        for (const key of KEYS[hint.type] ?? []) {
          void queries.invalidateQueries({ queryKey: ["campaign", slug, key] });
        }
      };
      socket.onclose = () => {
        if (!isClosed) timer = setTimeout(() => open(true), RETRY_MS);
      };
    };
    open(false);
    return () => {
      isClosed = true;
      clearTimeout(timer);
      socket?.close();
    };
  }, [slug, queries]);
}
