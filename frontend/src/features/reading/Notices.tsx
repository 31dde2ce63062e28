/** What stands between the reader and safe work: another tab that writes, a session that has ended, a full disk. */

import { Button, Group, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { IconAlertTriangle, IconEye, IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { thisTab } from "./unsent";
import { useEditorState, useRoom } from "./useEditor";

export function Notices() {
  return (
    <div className="reading-notices" data-testid="notices">
      <OtherWriter />
      <Held />
      <Unkept />
    </div>
  );
}

const SIGNED_OUT = new Set(["session_ended", "not_authenticated"]);

interface NoticeProps {
  icon: ReactNode;
  testId: string;
  title: string;
  children?: ReactNode;
  buttons?: ReactNode;
}

function Notice({ icon, testId, title, children, buttons }: NoticeProps) {
  return (
    <Group className="reading-notice" gap={10} wrap="nowrap" role="status" data-testid={testId}>
      {icon}
      <Text size="sm" style={{ flex: 1 }}>
        <Text span fw={600} size="sm">
          {title}
        </Text>{" "}
        {children}
      </Text>
      {buttons}
    </Group>
  );
}

function changes(count: number): string {
  return count === 1 ? "1 change" : `${count} changes`;
}

function OtherWriter() {
  const { editor } = useRoom();
  const writer = useEditorState((state) => state.otherWriter);
  const wasTakenOver = useEditorState((state) => state.wasTakenOver);
  const pending = useEditorState((state) => state.pendingCount);
  if (!writer) return null;
  const since = new Date(writer.since).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const where = thisTab.isOfThisBrowser(writer.token) ? "another tab of this browser" : writer.device;
  return (
    <Notice
      testId="other-writer"
      icon={<IconEye size={18} />}
      title={wasTakenOver ? "Taken over elsewhere." : "Open elsewhere."}
      buttons={
        <Button size="compact-sm" onClick={() => void editor.takeOver()}>
          {wasTakenOver ? "Take back" : "Take over"}
        </Button>
      }
    >
      You are writing this reading in {where} since {since}; this tab looks on.
      {pending > 0 && ` Not sent: ${changes(pending)}, kept here until you take it back.`}
    </Notice>
  );
}

function Held() {
  const { editor } = useRoom();
  const held = useEditorState((state) => state.held);
  const pending = useEditorState((state) => state.pendingCount);
  if (!held || held.code === "not_the_writer") return null;
  const askToDiscard = () =>
    modals.openConfirmModal({
      title: `Discard ${changes(pending)}?`,
      children: <Text size="sm">They have not reached the server and cannot be brought back.</Text>,
      labels: { confirm: "Discard", cancel: "Keep" },
      confirmProps: { color: "red" },
      onConfirm: () => void editor.discardUnsent(),
    });
  return (
    <Notice
      testId="held"
      icon={<IconLock size={18} />}
      title={SIGNED_OUT.has(held.code) ? "Your session has ended; sign in to go on." : held.message}
      buttons={
        <Group gap={6} wrap="nowrap">
          {pending > 0 && (
            <Button size="compact-sm" variant="subtle" color="gray" onClick={askToDiscard}>
              Discard
            </Button>
          )}
          {SIGNED_OUT.has(held.code) && (
            <Button size="compact-sm" component="a" href="/login" target="_blank">
              Sign in
            </Button>
          )}
          <Button size="compact-sm" variant="default" onClick={() => editor.sendOn()}>
            Try again
          </Button>
        </Group>
      }
    >
      {pending > 0 && `Not sent: ${changes(pending)}, kept here.`}
    </Notice>
  );
}

function Unkept() {
  const count = useEditorState((state) => state.unkeptCount);
  if (count === 0) return null;
  return (
    <Notice
      testId="unkept"
      icon={<IconAlertTriangle size={18} />}
      title="This browser cannot keep unsent changes: its storage is full or forbidden."
    >
      Leave this tab open until everything is saved.
    </Notice>
  );
}
