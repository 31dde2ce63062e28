/** The frame around every page but the reading room itself: where one is, and who. */

import { ActionIcon, AppShell, Badge, Group, Menu, NavLink, Select, Text, Tooltip } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import {
  IconDatabase,
  IconKeyboard,
  IconListCheck,
  IconLogout,
  IconSettings,
  IconSparkles,
  IconUser,
} from "@tabler/icons-react";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useParams, useRouterState } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { client } from "../api/client";
import { useCampaignHints } from "../api/hints";
import { campaignsQuery, csrfQuery, meQuery } from "../api/queries";
import { BINDABLE } from "../editor/actions";
import { Keymap } from "../editor/keymap";
import { KeysDialog } from "../features/keys/KeysDialog";
import { Mark } from "../ui/Mark";

const PAGES = [
  { to: "/campaigns/$slug/worklist", label: "Worklist", icon: IconListCheck },
  { to: "/campaigns/$slug/datasets", label: "Datasets", icon: IconDatabase },
  { to: "/campaigns/$slug/models", label: "Models", icon: IconSparkles },
  { to: "/campaigns/$slug/settings", label: "Settings", icon: IconSettings },
] as const;

const lastOf = (to: string) => to.slice(to.lastIndexOf("/"));

export function Shell() {
  const { slug = "" } = useParams({ strict: false });
  const path = useRouterState({ select: (state) => state.location.pathname });
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { data: me } = useSuspenseQuery(meQuery);
  const { data: campaigns } = useSuspenseQuery(campaignsQuery);
  const { data: site } = useSuspenseQuery(csrfQuery);
  const [keys, setKeys] = useState(false);
  const keymap = useMemo(() => new Keymap(BINDABLE, window.localStorage), []);
  useCampaignHints(slug);
  useDocumentTitle(`${PAGES.find(({ to }) => path.endsWith(lastOf(to)))?.label ?? ""} · CineLoop`);

  async function signOut() {
    await client.POST("/api/v1/auth/logout/");
    queries.clear();
    await navigate({ to: "/login" });
  }

  return (
    <AppShell header={{ height: 52 }} navbar={{ width: 208, breakpoint: "sm" }} padding="lg">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <AppShell.Header px="md" withBorder>
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="lg" wrap="nowrap">
            <Mark />
            <Select
              aria-label="Campaign"
              data={campaigns.results.map((campaign) => ({ value: campaign.slug, label: campaign.name }))}
              value={slug || null}
              onChange={(value) =>
                value && navigate({ to: "/campaigns/$slug/worklist", params: { slug: value } })
              }
              allowDeselect={false}
              w={280}
              size="sm"
            />
            {site.demo && (
              <Tooltip label="Synthetic cines of invented patients; nothing here may be used for care.">
                <Badge variant="default" radius="sm">
                  Demo
                </Badge>
              </Tooltip>
            )}
          </Group>
          <Menu position="bottom-end">
            <Menu.Target>
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`Account of ${me.display_name}`}
                w="auto"
                px="xs"
              >
                <Group gap={6} wrap="nowrap">
                  <IconUser size={18} />
                  <Text size="sm">{me.display_name}</Text>
                </Group>
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Label>{me.username}</Menu.Label>
              <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={() => setKeys(true)}>
                Keyboard and mouse
              </Menu.Item>
              <Menu.Item component="a" href="/api/docs/" target="_blank">
                API documentation
              </Menu.Item>
              <Menu.Item leftSection={<IconLogout size={16} />} onClick={signOut}>
                Sign out
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" withBorder>
        {PAGES.map(({ to, label, icon: Icon }) => (
          <NavLink
            key={to}
            label={label}
            leftSection={<Icon size={18} stroke={1.6} />}
            active={path.endsWith(lastOf(to))}
            renderRoot={(props) => <Link to={to} params={{ slug }} {...props} />}
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <Outlet />
      </AppShell.Main>
      <KeysDialog keymap={keymap} actions={BINDABLE} opened={keys} onClose={() => setKeys(false)} />
    </AppShell>
  );
}
