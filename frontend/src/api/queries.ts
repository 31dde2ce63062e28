/** What the pages ask of the server, by name, so that a hint can say what to ask again. */

import { queryOptions } from "@tanstack/react-query";
import { client, take } from "./client";

const PAGE_SIZE = 200;

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: () => take(client.GET("/api/v1/auth/me/")),
  staleTime: 60_000,
  retry: false,
});

export const csrfQuery = queryOptions({
  queryKey: ["csrf"],
  queryFn: () => take(client.GET("/api/v1/auth/csrf/")),
});

export const campaignsQuery = queryOptions({
  queryKey: ["campaigns"],
  queryFn: () => take(client.GET("/api/v1/campaigns/", { params: { query: { page_size: PAGE_SIZE } } })),
  staleTime: 10_000,
});

export const summaryQuery = (slug: string) =>
  queryOptions({
    queryKey: ["campaign", slug, "summary"],
    queryFn: () => take(client.GET("/api/v1/campaigns/{slug}/summary/", { params: { path: { slug } } })),
  });

export const worklistQuery = (slug: string) =>
  queryOptions({
    queryKey: ["campaign", slug, "worklist"],
    queryFn: () =>
      take(client.GET("/api/v1/worklist/", { params: { query: { campaign: slug, page_size: PAGE_SIZE } } })),
  });

export const datasetsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["campaign", slug, "datasets"],
    queryFn: () =>
      take(client.GET("/api/v1/datasets/", { params: { query: { campaign: slug, page_size: PAGE_SIZE } } })),
  });

export const datasetItemsQuery = (id: string) =>
  queryOptions({
    queryKey: ["dataset", id, "items"],
    queryFn: () =>
      take(
        client.GET("/api/v1/datasets/{id}/items/", {
          params: { path: { id }, query: { page_size: PAGE_SIZE } },
        }),
      ),
  });

export const trainingRunsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["campaign", slug, "training-runs"],
    queryFn: () =>
      take(client.GET("/api/v1/training-runs/", { params: { query: { campaign: slug, page_size: 50 } } })),
  });

export const modelsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["campaign", slug, "models"],
    queryFn: () =>
      take(client.GET("/api/v1/models/", { params: { query: { campaign: slug, page_size: 50 } } })),
  });

export const modelPresetsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["campaign", slug, "model-presets"],
    queryFn: () => take(client.GET("/api/v1/model-presets/")),
  });

export const modelQuery = (slug: string, id: string) =>
  queryOptions({
    queryKey: ["campaign", slug, "models", id],
    queryFn: () => take(client.GET("/api/v1/models/{id}/", { params: { path: { id } } })),
  });

export const evaluationsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["campaign", slug, "evaluations"],
    queryFn: () =>
      take(
        client.GET("/api/v1/evaluations/", { params: { query: { campaign: slug, page_size: PAGE_SIZE } } }),
      ),
  });

export const promotionsQuery = (slug: string) =>
  queryOptions({
    queryKey: ["campaign", slug, "promotions"],
    queryFn: () =>
      take(client.GET("/api/v1/promotions/", { params: { query: { campaign: slug, page_size: 50 } } })),
  });

export const readingQuery = (id: string) =>
  queryOptions({
    queryKey: ["reading", id],
    queryFn: () => take(client.GET("/api/v1/readings/{id}/", { params: { path: { id } } })),
    staleTime: 0,
    gcTime: 0,
  });

export const cineQuery = (id: string) =>
  queryOptions({
    queryKey: ["cine", id],
    queryFn: () => take(client.GET("/api/v1/cines/{id}/", { params: { path: { id } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
