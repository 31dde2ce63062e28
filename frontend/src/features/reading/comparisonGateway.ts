/** The way to what may be laid beside a reading. */

import { client, take } from "../../api/client";
import type { ComparisonGateway } from "../../editor/compare/second";
import type { MaskRow } from "../../editor/types";

const PAGE_SIZE = 200;

export function comparisonGatewayOf(readingId: string): ComparisonGateway {
  return {
    async answers(start, stop) {
      const params = { path: { id: readingId }, query: { start, stop } };
      return (await take(client.GET("/api/v1/readings/{id}/answers/", { params }))).masks as MaskRow[];
    },
    async others() {
      const params = { path: { id: readingId }, query: { page_size: PAGE_SIZE } };
      return (await take(client.GET("/api/v1/readings/{id}/others/", { params }))).results;
    },
    async otherMasks(other, start, stop) {
      const params = { path: { id: readingId, other }, query: { start, stop } };
      const found = await take(client.GET("/api/v1/readings/{id}/others/{other}/masks/", { params }));
      return { revision: found.revision, masks: found.masks as MaskRow[] };
    },
  };
}
