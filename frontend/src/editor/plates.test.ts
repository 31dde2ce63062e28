import { describe, expect, it } from "vitest";
import { UPRIGHT } from "./placement";
import { anglesOf, heartRateOf, scaleBarOf } from "./plates";

describe("the scale bar", () => {
  const view = { scale: 2, orientation: UPRIGHT };

  it("is as long as it says", () => {
    const display = { pixel_spacing_mm: [0.5, 0.25], spacing_is_detector: false };
    expect(scaleBarOf(display, view, 120)).toEqual({ width: 80, text: "1 cm" });
    expect(scaleBarOf(display, { ...view, scale: 20 }, 120)).toEqual({ width: 80, text: "1 mm" });
    const turned = { ...view, orientation: { mirrored: true, quarters: 3 as const } };
    expect(scaleBarOf(display, turned, 120)).toEqual({ width: 80, text: "2 cm" });
  });

  it("is never drawn from the spacing at the detector, nor from none", () => {
    expect(scaleBarOf({ pixel_spacing_mm: [0.3, 0.3], spacing_is_detector: true }, view, 120)).toBeNull();
    expect(scaleBarOf({ pixel_spacing_mm: [0.3, 0.3] }, view, 120)).toBeNull();
    expect(scaleBarOf({}, view, 120)).toBeNull();
    for (const spacing of [[0, 0], ["a", "b"], [0.2, null], []]) {
      expect(scaleBarOf({ pixel_spacing_mm: spacing, spacing_is_detector: false }, view, 120)).toBeNull();
    }
    expect(
      scaleBarOf({ pixel_spacing_mm: [0.5, 0.5], spacing_is_detector: false }, { ...view, scale: 1e6 }, 120),
    ).toBeNull();
  });
});

describe("facts of an angiogram", () => {
  it("are named as cardiologists name them, where they are known", () => {
    expect(anglesOf({ primary_angle_deg: -30, secondary_angle_deg: 20.4 })).toBe("RAO 30° / CRA 20°");
    expect(anglesOf({ primary_angle_deg: 45, secondary_angle_deg: -1 })).toBe("LAO 45° / CAU 1°");
    expect(anglesOf({ primary_angle_deg: 45 })).toBe("");
    expect(heartRateOf({ heart_rate_bpm: 71.6 })).toBe("72 bpm");
    expect(heartRateOf({})).toBe("");
  });
});
