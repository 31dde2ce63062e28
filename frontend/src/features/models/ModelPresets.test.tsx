import { MantineProvider } from "@mantine/core";
import { render, screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Schemas } from "../../api/client";
import { ModelPresets } from "./ModelPresets";

type Preset = Schemas["ModelPreset"];

const advised: Preset = {
  modality: "CT",
  modality_name: "Computed tomography",
  family: "medsam2",
  family_title: "MedSAM2",
  preprocess_id: "medsam2-512-v1",
  hint: "A GPU is recommended.",
  also_try: ["SAM 2.1 tiny"],
  reason: "Test both.",
  source: "advice",
  measured: null,
  labels: ["left_ventricle"],
  window: "The window of the file; without one, mediastinum.",
  windows: [{ name: "lung", level: -600, width: 1500, unit: "HU" }],
};
const measured: Preset = {
  ...advised,
  modality: "XA",
  modality_name: "X-ray angiography",
  also_try: [],
  reason: "Best of 2 models measured on 5 test cines of Study, version 3.",
  source: "measured",
  measured: {
    model: { id: "m", number: 4, name: "Study, version 3", status: "PROMOTED", checkpoint: "0" },
    iou: 0.7124,
    dice: 0.8,
    cines: 5,
    campaign: "study",
    version: 3,
    compared: 2,
  },
  windows: [],
};

function rowOf(name: string): HTMLElement {
  const row = screen.getByText(name).closest("tr");
  if (!row) throw new Error(`no row of ${name}`);
  return row;
}

describe("the presets of modalities", () => {
  it("tell advice from what was measured, and mark the modality of the campaign", () => {
    render(
      <MantineProvider>
        <ModelPresets presets={[measured, advised]} modality="CT" />
      </MantineProvider>,
    );
    const advice = within(rowOf("Computed tomography"));
    expect(advice.getByText("MedSAM2")).toBeInTheDocument();
    expect(advice.getByText("not measured yet")).toBeInTheDocument();
    expect(advice.getByText("also try SAM 2.1 tiny")).toBeInTheDocument();
    expect(advice.getByText("lung -600/1500")).toBeInTheDocument();
    expect(rowOf("Computed tomography")).toHaveAttribute("aria-current", "true");
    expect(advice.getByText("A GPU is recommended.")).toBeInTheDocument();
    const best = within(rowOf("X-ray angiography"));
    expect(best.getByText("#4 Study, version 3")).toBeInTheDocument();
    expect(best.getByText("measured: IoU 0.712 on 5 cines")).toBeInTheDocument();
    expect(best.queryByText("A GPU is recommended.")).toBeNull();
    expect(rowOf("X-ray angiography")).not.toHaveAttribute("aria-current");
  });
});
