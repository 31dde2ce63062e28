import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import type { Schemas } from "../../api/client";
import { modelsQuery } from "../../api/queries";
import { Editor } from "../../editor/editor";
import type { CineInfo, Gateway } from "../../editor/types";
import { TextPrompt } from "./TextPrompt";
import { RoomContext } from "./useEditor";

function show(prompts: string[], canWrite = true): Editor {
  const cine = { rows: 8, columns: 8, frameCount: 1, channels: 1, bitsAllocated: 8, frameTimesMs: [0] };
  const editor = new Editor({
    readingId: "r",
    cine: { ...cine, window: [0, 255], windows: {} } as unknown as CineInfo,
    labels: [{ code: "left_ventricle", name: "Left ventricle", colour: "#ff0000", index: 1 }],
    readingStatus: "DRAFT",
    canWrite,
    gateway: { appendEvent: () => new Promise(() => undefined) } as unknown as Gateway,
  });
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  queries.setQueryData(modelsQuery("study").queryKey, {
    count: 1,
    results: [{ id: "m", prompts } as Schemas["Model"]],
  });
  render(
    <QueryClientProvider client={queries}>
      <MantineProvider>
        <RoomContext.Provider value={{ editor, view: { current: null } }}>
          <TextPrompt reading={{ campaign: "study", model_id: "m" } as Schemas["ReadingDetail"]} />
        </RoomContext.Provider>
      </MantineProvider>
    </QueryClientProvider>,
  );
  return editor;
}

describe("finding by name", () => {
  it("asks for the words, and for the label where there are none", async () => {
    const ask = vi.spyOn(show(["point", "text"]), "addText");
    await userEvent.type(screen.getByRole("textbox", { name: "Find by name" }), "{Enter}");
    await userEvent.type(screen.getByRole("textbox", { name: "Find by name" }), "mitral valve");
    await userEvent.click(screen.getByRole("button", { name: "Find" }));
    expect(ask.mock.calls).toEqual([["Left ventricle"], ["mitral valve"]]);
  });

  it("is not offered where the model takes no words", () => {
    show(["point", "box", "mask"]);
    expect(screen.queryByRole("textbox")).toBeNull();
  });

  it("is closed in a submitted reading", () => {
    show(["text"], false);
    expect(screen.getByRole("textbox")).toBeDisabled();
    expect(screen.getByRole("button", { name: "Find" })).toBeDisabled();
  });
});
