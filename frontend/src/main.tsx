import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./app/main.css";
import { MantineProvider } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createAppRouter } from "./app/router";
import { theme } from "./app/theme";
import { Refusal } from "./editor/types";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (count, error) => !(error instanceof Refusal) && count < 3,
      refetchOnWindowFocus: true,
    },
  },
});
const router = createAppRouter(queries);
const host = document.getElementById("root");
if (!host) throw new Error("The page has no root.");
createRoot(host).render(
  <StrictMode>
    <MantineProvider theme={theme} forceColorScheme="dark">
      <QueryClientProvider client={queries}>
        <ModalsProvider>
          <Notifications position="bottom-right" containerWidth={264} />
          <RouterProvider router={router} />
        </ModalsProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
