import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { Editor } from "../../editor/editor";
import type { CineInfo, Gateway } from "../../editor/types";
import { ModelWindow } from "./ModelWindow";
import { RoomContext } from "./useEditor";

function show(windows: CineInfo["windows"], canWrite = true): Editor {
  const cine = { rows: 8, columns: 8, frameCount: 1, channels: 1, bitsAllocated: 16, frameTimesMs: [0] };
  const editor = new Editor({
    readingId: "r",
    cine: { ...cine, window: [0, 4095], windows } as CineInfo,
    labels: [],
    readingStatus: "DRAFT",
    canWrite,
    gateway: {} as Gateway,
  });
  render(
    <MantineProvider>
      <RoomContext.Provider value={{ editor, view: { current: null } }}>
        <ModelWindow />
      </RoomContext.Provider>
    </MantineProvider>,
  );
  return editor;
}

describe("the window that the model looks through", () => {
  it("is chosen among those of the cine", async () => {
    const editor = show({ lung: [0, 1174], bone: [524, 2324] });
    const select = screen.getByRole("combobox", { name: "Window that the model looks through" });
    expect(screen.getAllByRole("option").map((option) => option.textContent)).toEqual([
      "as imported",
      "bone",
      "lung",
    ]);
    await userEvent.selectOptions(select, "lung");
    expect(editor.state).toMatchObject({ modelWindow: "lung", window: [0, 1174] });
    await userEvent.selectOptions(select, "as imported");
    expect(editor.state).toMatchObject({ modelWindow: null, window: [0, 4095] });
  });

  it("is not there where there is nothing to choose", () => {
    show({});
    expect(screen.queryByRole("combobox")).toBeNull();
  });

  it("stays as it is in a submitted reading", () => {
    show({ bone: [524, 2324] }, false);
    expect(screen.getByRole("combobox")).toBeDisabled();
  });
});
