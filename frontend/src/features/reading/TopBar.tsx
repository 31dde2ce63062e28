/** Which cine this is, whether the work is safe, and how to end. */

import { ActionIcon, Badge, Button, Group, Text, Tooltip } from "@mantine/core";
import { modals } from "@mantine/modals";
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconArrowLeft,
  IconCloudCheck,
  IconCloudOff,
  IconCloudUpload,
  IconUsers,
} from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { client, type Schemas, take } from "../../api/client";
import { modelsQuery, worklistQuery } from "../../api/queries";
import { transportText } from "../../editor/transport/transport";
import { notifyDone, notifyError } from "../../ui/notify";
import { Status } from "../../ui/Status";
import { nextRow, useOpenReading } from "../worklist/WorklistPage";
import { useEditorState, useRoom } from "./useEditor";

export function TopBar({ reading }: { reading: Schemas["ReadingDetail"] }) {
  const { editor } = useRoom();
  const queries = useQueryClient();
  const canUndo = useEditorState((state) => state.canUndo);
  const canRedo = useEditorState((state) => state.canRedo);
  const canWrite = useEditorState((state) => state.canWrite);
  const status = useEditorState((state) => state.readingStatus);
  const undoName = useEditorState((state) => state.undoName);
  const redoName = useEditorState((state) => state.redoName);
  const { data: models } = useQuery(modelsQuery(reading.campaign));
  const { data: worklist } = useQuery(worklistQuery(reading.campaign));
  const open = useOpenReading();
  const model = models?.results.find((known) => known.id === reading.model_id);
  const next = nextRow((worklist?.results ?? []).filter((row) => row.cine.id !== reading.cine));
  const params = { path: { id: reading.id } };

  const change = (answer: Schemas["ReadingDetail"]) => {
    editor.setAccess(answer.status, answer.can_write);
    void editor.reload();
    void queries.invalidateQueries({ queryKey: ["campaign", reading.campaign] });
  };
  const submit = useMutation({
    mutationFn: async () => {
      await editor.idle();
      const body = { base_revision: editor.document.revision, writer: editor.writerToken };
      return take(client.POST("/api/v1/readings/{id}/submit/", { params, body }));
    },
    onSuccess: (answer) => {
      change(answer);
      notifyDone("The reading is submitted.");
    },
    onError: notifyError,
  });
  const reopen = useMutation({
    mutationFn: () => take(client.POST("/api/v1/readings/{id}/reopen/", { params })),
    onSuccess: change,
    onError: notifyError,
  });

  function askToSubmit() {
    const masked = new Set<number>();
    const accepted = new Set<number>();
    const unsure = new Set<number>();
    for (const mask of editor.document.entries()) {
      masked.add(mask.frameIndex);
      if (mask.accepted) accepted.add(mask.frameIndex);
      else if (mask.provenance !== "HUMAN") unsure.add(mask.frameIndex);
    }
    modals.openConfirmModal({
      title: "Submit this reading?",
      children: (
        <Text size="sm">
          {masked.size} of {editor.cine.frameCount} frames have masks, {accepted.size} are accepted.{" "}
          {unsure.size > 0 &&
            `${unsure.size} hold masks that only the model has seen: they are kept, but not learnt from. `}
          You can reopen it later.
        </Text>
      ),
      labels: { confirm: "Submit", cancel: "Go on reading" },
      onConfirm: () => submit.mutate(),
    });
  }

  return (
    <header className="reading-top">
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label="Back to the worklist"
        renderRoot={(props) => (
          <Link to="/campaigns/$slug/worklist" params={{ slug: reading.campaign }} {...props} />
        )}
      >
        <IconArrowLeft size={20} />
      </ActionIcon>
      <Text component="h1" fw={600} truncate>
        {reading.cine_title}
      </Text>
      <Status state={status} />
      <Tooltip
        label={
          model
            ? `${model.name}; this reading keeps the model it was opened with`
            : "The model of this reading"
        }
      >
        <Badge variant="default" radius="sm" data-testid="model">
          {model ? `model #${model.number}` : "no model"}
        </Badge>
      </Tooltip>
      <Others />
      <div style={{ flex: 1 }} />
      <Saved />
      <Group gap={2}>
        <Tooltip label={canUndo ? `Undo ${undoName}` : "Nothing to undo"}>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label="Undo"
            disabled={!canUndo}
            onClick={() => editor.undo()}
          >
            <IconArrowBackUp size={20} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label={canRedo ? `Redo ${redoName}` : "Nothing to redo"}>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label="Redo"
            disabled={!canRedo}
            onClick={() => editor.redo()}
          >
            <IconArrowForwardUp size={20} />
          </ActionIcon>
        </Tooltip>
      </Group>
      {status === "SUBMITTED" ? (
        <>
          <Button size="sm" variant="default" loading={reopen.isPending} onClick={() => reopen.mutate()}>
            Reopen
          </Button>
          <Button
            size="sm"
            disabled={!next}
            loading={open.isPending}
            onClick={() => next && open.mutate({ cine: next.cine.id, campaign: reading.campaign })}
          >
            Read next
          </Button>
        </>
      ) : (
        <Button size="sm" disabled={!canWrite} loading={submit.isPending} onClick={askToSubmit}>
          Submit reading
        </Button>
      )}
    </header>
  );
}

/** The other tabs that have this reading open, by person and device. */
function Others() {
  const presence = useEditorState((state) => state.presence);
  const others = presence.filter((reader) => !reader.you);
  if (!others.length) return null;
  const names = others.map((reader) => `${reader.display_name}, ${reader.device}`);
  return (
    <Tooltip label={`Also open: ${names.join("; ")}`} multiline maw={320}>
      <Group gap={4} c="dark.1" data-testid="others" wrap="nowrap">
        <IconUsers size={16} />
        <Text size="sm">{others.length + 1} tabs</Text>
      </Group>
    </Tooltip>
  );
}

const HOVER_AND_FOCUS = { hover: true, focus: true, touch: true };

/** Whether the work is safe; who rests on it is told how frames come. */
function Saved() {
  const save = useEditorState((state) => state.save);
  const count = useEditorState((state) => state.pendingCount);
  const kept = useEditorState((state) => state.keptCount);
  const online = useEditorState((state) => state.online);
  const transport = useEditorState((state) => transportText(state.transport));
  const form = useEditorState((state) => state.transport.form);
  const changes = `${count} change${count === 1 ? "" : "s"}`;
  const where = kept === count ? "kept here" : "in this tab only";
  const [Icon, text, colour] = {
    saved: [IconCloudCheck, online ? "Saved" : "Saved, reconnecting", "dark.2"] as const,
    saving: [IconCloudUpload, "Saving", "dark.1"] as const,
    offline: [IconCloudOff, `Offline, ${changes} ${where}`, "orange.4"] as const,
    held: [IconCloudOff, `Not sent, ${changes} ${where}`, "orange.4"] as const,
  }[save];
  return (
    <Tooltip label={transport} disabled={!transport} multiline maw={320} events={HOVER_AND_FOCUS}>
      <Group
        gap={6}
        c={colour}
        data-testid="saved"
        data-state={save}
        data-transport={form}
        wrap="nowrap"
        tabIndex={0}
      >
        <Icon size={17} />
        <Text size="sm">{text}</Text>
      </Group>
    </Tooltip>
  );
}
