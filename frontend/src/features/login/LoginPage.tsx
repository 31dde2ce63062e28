/** Sign in; the demo says who may. */

import {
  Alert,
  Button,
  Center,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
  UnstyledButton,
} from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { client, sentenceOf, take } from "../../api/client";
import { csrfQuery, meQuery } from "../../api/queries";
import { Mark } from "../../ui/Mark";

const DEMO_PASSWORD = "cineloop-demo";
const DEMO_ACCOUNTS = [
  { username: "admin", role: "manager" },
  { username: "reader1", role: "reader" },
  { username: "reader2", role: "reader" },
];

export function LoginPage() {
  useDocumentTitle("Sign in · CineLoop");
  const { data: site } = useQuery(csrfQuery);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { next } = useSearch({ from: "/login" });
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);

  async function signIn(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setFailure("");
    try {
      const me = await take(client.POST("/api/v1/auth/login/", { body: { username, password } }));
      queries.clear();
      queries.setQueryData(meQuery.queryKey, me);
      await navigate({ to: next ?? "/" });
    } catch (error) {
      setFailure(sentenceOf(error));
      setBusy(false);
    }
  }

  return (
    <Center mih="100vh" p="md" component="main">
      <Stack w={380} gap="lg">
        <Center>
          <Title order={1} size="h3">
            <Mark size={30} />
          </Title>
        </Center>
        <Paper p="lg" withBorder component="form" onSubmit={signIn}>
          <Stack>
            <TextInput
              label="User name"
              value={username}
              onChange={(event) => setUsername(event.currentTarget.value)}
              autoComplete="username"
              autoFocus
              required
            />
            <PasswordInput
              label="Password"
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              autoComplete="current-password"
              required
            />
            {failure && (
              <Alert color="red" role="alert">
                {failure}
              </Alert>
            )}
            <Button type="submit" loading={busy}>
              Sign in
            </Button>
          </Stack>
        </Paper>
        {site?.demo && (
          <Paper p="md" withBorder>
            <Text size="sm" c="dark.1" mb={6}>
              This is the demo. Choose an account:
            </Text>
            <Stack gap={4}>
              {DEMO_ACCOUNTS.map((account) => (
                <UnstyledButton
                  key={account.username}
                  onClick={() => {
                    setUsername(account.username);
                    setPassword(DEMO_PASSWORD);
                  }}
                  style={{ borderRadius: 4 }}
                  py={4}
                  px={6}
                >
                  <Text span size="sm" ff="monospace" c="azure.3">
                    {account.username} / {DEMO_PASSWORD}
                  </Text>
                  <Text span size="sm" c="dark.2">
                    {"  "}
                    {account.role}
                  </Text>
                </UnstyledButton>
              ))}
            </Stack>
          </Paper>
        )}
      </Stack>
    </Center>
  );
}
