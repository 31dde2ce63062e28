import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Schemas } from "../../api/client";
import { anglesOf } from "../../editor/plates";
import { Comparison } from "../models/Comparison";
import { nextRow } from "./WorklistPage";

type Row = Schemas["WorklistRow"];

function row(cine: string, status: string | null): Row {
  return { cine: { id: cine }, reading: status ? { status } : null } as unknown as Row;
}

describe("the next cine to read", () => {
  it("is the one begun before, then a new one, and never a submitted one", () => {
    expect(nextRow([row("a", "SUBMITTED"), row("b", null), row("c", "DRAFT")])?.cine.id).toBe("c");
    expect(nextRow([row("a", "SUBMITTED"), row("b", null)])?.cine.id).toBe("b");
    expect(nextRow([row("a", "SUBMITTED")])).toBeUndefined();
  });
});

describe("XA angles", () => {
  it("are named as cardiologists name them", () => {
    expect(anglesOf({ primary_angle_deg: -32, secondary_angle_deg: 2 })).toBe("RAO 32° / CRA 2°");
    expect(anglesOf({ primary_angle_deg: 40, secondary_angle_deg: -20 })).toBe("LAO 40° / CAU 20°");
    expect(anglesOf({})).toBe("");
  });
});

describe("the comparison of two models", () => {
  const evaluation = (iou: number, isLocked: boolean) =>
    ({
      id: `${iou}`,
      model: "m",
      dataset_version: "v",
      dataset_version_number: 2,
      split: isLocked ? "test" : "train",
      is_locked_test: isLocked,
      iou,
      dice: iou + 0.1,
      iou_low: iou - 0.05,
      iou_high: iou + 0.05,
      cines: [{ cine: "a", iou, dice: iou + 0.1 }],
    }) as unknown as Schemas["Evaluation"];
  const show = (candidate: Schemas["Evaluation"], current?: Schemas["Evaluation"]) =>
    render(
      <MantineProvider>
        <Comparison candidate={candidate} current={current} />
      </MantineProvider>,
    );

  it("says by how much the new one is better, and on what", () => {
    show(evaluation(0.6, true), evaluation(0.5, true));
    expect(screen.getByText(/0\.100 IoU on 1 test cine of version 2/)).toBeInTheDocument();
    expect(screen.queryByRole("note")).toBeNull();
  });

  it("warns where there was no test part", () => {
    show(evaluation(0.6, false));
    expect(screen.getByRole("note")).toHaveTextContent("trained on");
    expect(screen.getAllByText(/not measured/)).toHaveLength(2);
  });
});
