/** Ask for a structure by its name; shown where the model of the reading takes words. */

import { ActionIcon, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "../../api/client";
import { modelsQuery } from "../../api/queries";
import { useEditorState, useRoom } from "./useEditor";

/** As the server allows. */
const LONGEST = 200;

export function TextPrompt({ reading }: { reading: Schemas["ReadingDetail"] }) {
  const { editor } = useRoom();
  const [text, setText] = useState("");
  const canWrite = useEditorState((state) => state.canWrite);
  const label = useEditorState((state) => editor.document.labelOf(state.labelCode)?.name ?? "");
  const { data: models } = useQuery(modelsQuery(reading.campaign));
  const model = models?.results.find((known) => known.id === reading.model_id);
  if (!model?.prompts.includes("text")) return null;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        editor.addText(text || label);
      }}
    >
      <TextInput
        size="xs"
        aria-label="Find by name"
        description="Find by name on this frame"
        placeholder={label}
        maxLength={LONGEST}
        disabled={!canWrite}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        rightSection={
          <ActionIcon type="submit" size="sm" variant="subtle" disabled={!canWrite} aria-label="Find">
            <IconSearch size={14} />
          </ActionIcon>
        }
      />
    </form>
  );
}
