/** Addresses of the pages; everything but the sign-in wants a session. */

import { Center, Loader } from "@mantine/core";
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  Outlet,
  redirect,
  useRouter,
} from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { campaignsQuery, csrfQuery, meQuery } from "../api/queries";
import { Refusal } from "../editor/types";
import { DatasetsPage } from "../features/datasets/DatasetsPage";
import { LoginPage } from "../features/login/LoginPage";
import { ModelsPage } from "../features/models/ModelsPage";
import { SettingsPage } from "../features/settings/SettingsPage";
import { WorklistPage } from "../features/worklist/WorklistPage";
import { Failure } from "../ui/Failure";
import { Shell } from "./Shell";

const ReadingPage = lazy(() => import("../features/reading/ReadingPage"));

interface Context {
  queries: QueryClient;
}

function Wait() {
  return (
    <Center h="60vh">
      <Loader aria-label="Loading" />
    </Center>
  );
}

function Broken({ error }: { error: unknown }) {
  const router = useRouter();
  return <Failure error={error} onRetry={() => void router.invalidate()} />;
}

const root = createRootRouteWithContext<Context>()({
  component: () => (
    <Suspense fallback={<Wait />}>
      <Outlet />
    </Suspense>
  ),
  errorComponent: Broken,
  notFoundComponent: () => (
    <Failure
      error={new Refusal("not_found", "There is no page at this address.", 404)}
      onRetry={() => window.location.assign("/")}
    />
  ),
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Record<string, unknown>): { next?: string } => {
    const next = typeof search.next === "string" && /^\/(?!\/)/.test(search.next) ? search.next : undefined;
    return next ? { next } : {};
  },
  component: LoginPage,
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queries.ensureQueryData(meQuery);
    } catch (error) {
      if (error instanceof Refusal && (error.status === 401 || error.status === 403)) {
        throw redirect({ to: "/login", search: { next: location.href } });
      }
      throw error;
    }
    await context.queries.ensureQueryData(csrfQuery);
  },
});

const home = createRoute({
  getParentRoute: () => signedIn,
  path: "/",
  beforeLoad: async ({ context }) => {
    const campaigns = await context.queries.fetchQuery(campaignsQuery);
    const first = campaigns.results[0];
    if (first) throw redirect({ to: "/campaigns/$slug/worklist", params: { slug: first.slug } });
    throw new Refusal(
      "no_campaign",
      "You are not a member of any campaign yet; ask a manager to add you.",
      404,
    );
  },
});

const shell = createRoute({
  getParentRoute: () => signedIn,
  id: "shell",
  beforeLoad: ({ context }) => context.queries.ensureQueryData(campaignsQuery),
  component: Shell,
});

const worklist = createRoute({
  getParentRoute: () => shell,
  path: "/campaigns/$slug/worklist",
  component: WorklistPage,
});
const datasets = createRoute({
  getParentRoute: () => shell,
  path: "/campaigns/$slug/datasets",
  component: DatasetsPage,
});
const models = createRoute({
  getParentRoute: () => shell,
  path: "/campaigns/$slug/models",
  component: ModelsPage,
});
const settings = createRoute({
  getParentRoute: () => shell,
  path: "/campaigns/$slug/settings",
  component: SettingsPage,
});
const reading = createRoute({
  getParentRoute: () => signedIn,
  path: "/readings/$readingId",
  component: ReadingPage,
});

const tree = root.addChildren([
  login,
  signedIn.addChildren([home, reading, shell.addChildren([worklist, datasets, models, settings])]),
]);

export function createAppRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queries },
    defaultPendingComponent: Wait,
    defaultErrorComponent: Broken,
    defaultPendingMs: 300,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
