/** The editor's way to the server. */

import type { Schemas } from "../../api/client";
import { client, refusalOf, take, withCsrf } from "../../api/client";
import type { AccountKeys } from "../../editor/keymapAccount";
import { FrameTransport } from "../../editor/transport/transport";
import type { Appended, CineInfo, Gateway, JobInfo, LoggedEvent, MaskRow } from "../../editor/types";
import { frameSource, openDecoder } from "./frameSource";

const EVENT_PAGE = 1000;
/** A network that swallows requests counts as out of reach after this long. */
const PATIENCE_MS = 20_000;

export function gatewayOf(readingId: string, cine: CineInfo): Gateway {
  const path = { id: readingId };
  const transport = new FrameTransport(cine, frameSource(cine.id), openDecoder);
  return {
    async appendEvent(body) {
      // `keepalive` lets the last event of a page that is being closed still go out.
      const response = await fetch(`/api/v1/readings/${readingId}/events/`, {
        method: "POST",
        headers: withCsrf(new Headers({ "Content-Type": "application/json" })),
        body: JSON.stringify(body),
        keepalive: JSON.stringify(body).length < 60_000,
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const answer: unknown = await response.json().catch(() => undefined);
      if (!response.ok) throw refusalOf(response.status, answer);
      return answer as Appended;
    },
    async events(since) {
      const events: LoggedEvent[] = [];
      for (let page = 1; ; page++) {
        const found = await take(
          client.GET("/api/v1/readings/{id}/events/", {
            params: { path, query: { since, page, page_size: EVENT_PAGE } },
          }),
        );
        events.push(...(found.results as LoggedEvent[]));
        if (!found.next) return events;
      }
    },
    async masks() {
      const found = await take(client.GET("/api/v1/readings/{id}/masks/", { params: { path } }));
      return { revision: found.revision, masks: found.masks as MaskRow[] };
    },
    async hiddenMasks() {
      const params = { path, query: { hidden: true } };
      return (await take(client.GET("/api/v1/readings/{id}/masks/", { params }))).masks as MaskRow[];
    },
    async claimWriter(writer, isForced) {
      const body = { writer, take: isForced };
      return take(client.POST("/api/v1/readings/{id}/writer/", { params: { path }, body }));
    },
    async releaseWriter(writer) {
      // `keepalive` lets it go out while the page is being left.
      const params = { params: { path }, body: { writer }, keepalive: true };
      await take(client.POST("/api/v1/readings/{id}/writer/release/", params));
    },
    async jobs() {
      const found = await take(
        client.GET("/api/v1/readings/{reading_id}/jobs/", { params: { path: { reading_id: readingId } } }),
      );
      return found.results as JobInfo[];
    },
    async cancelJob(id) {
      await take(
        client.POST("/api/v1/readings/{reading_id}/jobs/{job_id}/cancel/", {
          params: { path: { reading_id: readingId, job_id: id } },
        }),
      );
    },
    frame: (frameNumber, signal) => transport.frame(frameNumber, signal),
    transport,
    socketUrl() {
      const scheme = window.location.protocol === "https:" ? "wss" : "ws";
      return `${scheme}://${window.location.host}/ws/readings/${readingId}/`;
    },
  };
}

export const accountKeys: AccountKeys = {
  async get() {
    const path = { name: "keymap" };
    return take(client.GET("/api/v1/auth/me/preferences/{name}/", { params: { path } }));
  },
  async put(value, changed_at) {
    const params = { path: { name: "keymap" } };
    const body = { value: value as Record<string, unknown>, changed_at };
    return take(client.PUT("/api/v1/auth/me/preferences/{name}/", { params, body }));
  },
};

export function cineInfoOf(cine: Schemas["Cine"]): CineInfo {
  return {
    id: cine.id,
    title: cine.title,
    patientKey: cine.patient_key,
    modality: cine.modality,
    frameCount: cine.frame_count,
    rows: cine.rows,
    columns: cine.columns,
    channels: cine.channels,
    bitsAllocated: cine.bits_allocated,
    window: [cine.window[0] ?? 0, cine.window[1] ?? 255],
    intensityRelationship: cine.intensity_relationship,
    windows: cine.windows as CineInfo["windows"],
    frameTimesMs: cine.frame_times_ms,
    frameTimeSource: cine.frame_time_source,
    display: cine.display as Record<string, unknown>,
    warnings: cine.warnings,
  };
}
