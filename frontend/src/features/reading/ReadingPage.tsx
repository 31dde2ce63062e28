/** The reading room. */

import "./reading.css";
import { Center, Loader } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useBlocker, useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Schemas } from "../../api/client";
import { cineQuery, meQuery, readingQuery } from "../../api/queries";
import { Editor } from "../../editor/editor";
import { Refusal } from "../../editor/types";
import type { EditorView } from "../../editor/view";
import { Failure } from "../../ui/Failure";
import { KeysDialog } from "../keys/KeysDialog";
import { Announcer } from "./Announcer";
import { ContextMenu } from "./ContextMenu";
import { comparisonGatewayOf } from "./comparisonGateway";
import { accountKeys, cineInfoOf, gatewayOf } from "./gateway";
import { Notices } from "./Notices";
import { Palette } from "./Palette";
import { SidePanel } from "./SidePanel";
import { Stage } from "./Stage";
import { Timeline } from "./Timeline";
import { Toolbar } from "./Toolbar";
import { ToolOptions } from "./ToolOptions";
import { TopBar } from "./TopBar";
import { outboxStore, thisTab } from "./unsent";
import { useActions } from "./useActions";
import { RoomContext, useEditorState, useRoom } from "./useEditor";
import { useKeys } from "./useKeys";

export default function ReadingPage() {
  const { readingId } = useParams({ from: "/signed-in/readings/$readingId" });
  const reading = useQuery({ ...readingQuery(readingId), refetchOnWindowFocus: false });
  const cine = useQuery({ ...cineQuery(reading.data?.cine ?? ""), enabled: reading.data !== undefined });
  const me = useQuery(meQuery);
  const failure = reading.error ?? cine.error;
  if (failure) {
    return (
      <Failure error={failure} onRetry={() => void (reading.error ? reading.refetch() : cine.refetch())} />
    );
  }
  if (!reading.data || !cine.data || !me.data) {
    return (
      <Center h="100vh">
        <Loader aria-label="Loading" />
      </Center>
    );
  }
  return <ReadingRoom key={readingId} reading={reading.data} cine={cine.data} owner={me.data.username} />;
}

interface ReadingRoomProps {
  reading: Schemas["ReadingDetail"];
  cine: Schemas["Cine"];
  owner: string;
}

function ReadingRoom({ reading, cine, owner }: ReadingRoomProps) {
  const [editor, setEditor] = useState<Editor | null>(null);
  const view = useRef<EditorView | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: an editor lives as long as the page shows this reading
  useEffect(() => {
    const info = cineInfoOf(cine);
    const made = new Editor({
      readingId: reading.id,
      cine: info,
      labels: reading.labels,
      readingStatus: reading.status,
      canWrite: reading.can_write,
      gateway: gatewayOf(reading.id, info),
      owner,
      store: outboxStore,
      tab: thisTab,
      storage: window.localStorage,
      comparison: { gateway: comparisonGatewayOf(reading.id), isAssisted: reading.checkpoint !== "" },
      accountKeys,
    });
    setEditor(made);
    void made.open();
    const sendOn = () => made.sendOn();
    const leave = () => made.leave();
    const comeBack = (event: PageTransitionEvent) => event.persisted && void made.comeBack();
    window.addEventListener("online", sendOn);
    window.addEventListener("focus", sendOn);
    window.addEventListener("pagehide", leave);
    window.addEventListener("pageshow", comeBack);
    return () => {
      window.removeEventListener("online", sendOn);
      window.removeEventListener("focus", sendOn);
      window.removeEventListener("pagehide", leave);
      window.removeEventListener("pageshow", comeBack);
      made.close();
    };
  }, [reading.id]);

  const room = useMemo(() => (editor ? { editor, view } : null), [editor]);
  if (!room) return null;
  return (
    <RoomContext.Provider value={room}>
      <Room reading={reading} />
    </RoomContext.Provider>
  );
}

function Room({ reading }: { reading: Schemas["ReadingDetail"] }) {
  const room = useRoom();
  const actions = useActions();
  useDocumentTitle(`${reading.cine_title} · CineLoop`);
  const overlay = useEditorState((state) => state.overlay);
  const status = useEditorState((state) => state.status);
  const failure = useEditorState((state) => state.failure);
  const pending = useEditorState((state) => state.pendingCount);
  const notice = useEditorState((state) => state.notice);
  useKeys(room);
  useBlocker({
    shouldBlockFn: () =>
      pending > 0 &&
      !window.confirm("Some changes have not reached the server yet. They are kept in this browser. Leave?"),
    enableBeforeUnload: () => room.editor.state.pendingCount > 0,
  });
  useEffect(() => {
    if (notice) notifications.show({ message: notice.text, color: "orange", autoClose: 6000 });
  }, [notice]);

  if (status === "failed") {
    return (
      <Failure
        error={new Refusal("reading_not_loaded", failure, 0)}
        onRetry={() => void room.editor.open()}
      />
    );
  }
  return (
    <main className="reading" data-testid="reading" data-ready={status === "ready"}>
      <TopBar reading={reading} />
      <Notices />
      <Toolbar />
      <Stage />
      <ToolOptions />
      <SidePanel reading={reading} />
      <Timeline />
      <Palette />
      <ContextMenu />
      <KeysDialog
        keymap={room.editor.keymap}
        actions={actions}
        opened={overlay === "keys"}
        onClose={() => room.editor.set({ overlay: null })}
      />
      <Announcer />
    </main>
  );
}
