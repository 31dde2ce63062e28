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
  const others = useEditorState((state) => state.presence.filter((reader) => !reader.you).length);
  const { data: models } = useQuery(modelsQuery(reading.campaign));
  const { data: worklist } = useQuery(worklistQuery(reading.campaign));
  const open = useOpenReading();
  const model = models?.results.find((known) => known.id === reading.model_id);
  const next = nextRow((worklist?.results ?? []).filter((row) => row.cine.id !== reading.cine));
  const params = { path: { id: reading.id } };

  const change = (answer: Schemas["ReadingDetail"]) => {
    editor.set({ readingStatus: answer.status, canWrite: answer.can_write });
    void editor.reload();
    void queries.invalidateQueries({ queryKey: ["campaign", reading.campaign] });
  };
  const submit = useMutation({
    mutationFn: async () => {
      await editor.idle();
      const body = { base_revision: editor.document.revision };
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
      {others > 0 && (
        <Tooltip label="This reading is open in another tab too; the last change wins.">
          <Group gap={4} c="yellow.5">
            <IconUsers size={16} />
            <Text size="sm">{others + 1} tabs</Text>
          </Group>
        </Tooltip>
      )}
      <div style={{ flex: 1 }} />
      <Saved />
      <Group gap={2}>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Undo"
          disabled={!canUndo}
          onClick={() => void editor.undo()}
        >
          <IconArrowBackUp size={20} />
        </ActionIcon>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Redo"
          disabled={!canRedo}
          onClick={() => void editor.redo()}
        >
          <IconArrowForwardUp size={20} />
        </ActionIcon>
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

function Saved() {
  const save = useEditorState((state) => state.save);
  const count = useEditorState((state) => state.pendingCount);
  const online = useEditorState((state) => state.online);
  const [icon, text, colour] =
    save === "saved"
      ? [<IconCloudCheck key="i" size={17} />, online ? "Saved" : "Saved, reconnecting", "dark.2"]
      : save === "saving"
        ? [<IconCloudUpload key="i" size={17} />, "Saving", "dark.1"]
        : [
            <IconCloudOff key="i" size={17} />,
            `Offline, ${count} change${count === 1 ? "" : "s"} kept here`,
            "orange.4",
          ];
  return (
    <Group gap={6} c={colour as string} data-testid="saved" data-state={save} wrap="nowrap">
      {icon}
      <Text size="sm">{text}</Text>
    </Group>
  );
}
