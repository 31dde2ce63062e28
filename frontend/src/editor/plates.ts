/** What the plates over the image say. */

import type { EditorState } from "./state";

/** XA angles as cardiologists name them; PS3.3 C.8.7.5: positive primary is LAO, positive secondary is cranial. */
export function anglesOf(display: Record<string, unknown>): string {
  const { primary_angle_deg: primary, secondary_angle_deg: secondary } = display;
  if (typeof primary !== "number" || typeof secondary !== "number") return "";
  const first = `${primary < 0 ? "RAO" : "LAO"} ${Math.abs(Math.round(primary))}°`;
  const second = `${secondary < 0 ? "CAU" : "CRA"} ${Math.abs(Math.round(secondary))}°`;
  return `${first} / ${second}`;
}

export function heartRateOf(display: Record<string, unknown>): string {
  const { heart_rate_bpm: rate } = display;
  return typeof rate === "number" ? `${Math.round(rate)} bpm` : "";
}

export interface ScaleBar {
  /** Length in CSS pixels and in words. */
  width: number;
  text: string;
}

const LENGTHS_MM = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];

/**
 * Millimetres in the patient between the middles of neighbouring columns and rows, where that is known.
 *
 * Imager Pixel Spacing of an angiogram is at the detector, beyond the patient, and no measure of anything in it.
 */
export function spacingOf(display: Record<string, unknown>): [number, number] | null {
  const { pixel_spacing_mm: spacing, spacing_is_detector: isDetector } = display;
  if (isDetector !== false || !Array.isArray(spacing)) return null;
  const [down, across]: unknown[] = spacing;
  const isLength = (value: unknown): value is number => typeof value === "number" && value > 0;
  return isLength(across) && isLength(down) ? [across, down] : null;
}

/** The longest round length that fits into some CSS pixels, where a length in the patient is known. */
export function scaleBarOf(
  display: Record<string, unknown>,
  { scale, orientation }: Pick<EditorState, "scale" | "orientation">,
  room: number,
): ScaleBar | null {
  // On its side, the rows of the image lie across the screen.
  const across = spacingOf(display)?.[orientation.quarters % 2 === 1 ? 1 : 0];
  if (across === undefined || !(scale > 0)) return null;
  const length = LENGTHS_MM.findLast((known) => (known / across) * scale <= room);
  if (length === undefined) return null;
  const text = length >= 10 ? `${length / 10} cm` : `${length} mm`;
  return { width: (length / across) * scale, text };
}
