import { describe, expect, it } from "vitest";
import type { Editor } from "../editor";
import { radiusAt, type ToolPoint } from "./tool";

describe("radiusAt", () => {
  const editor = { state: { brushRadius: 6 } } as Editor;
  const at = (pressure?: number): ToolPoint => ({ x: 0, y: 0, screenX: 0, screenY: 0, alt: false, pressure });

  it("is what was chosen, for a mouse and for a pen at half its pressure", () => {
    expect(radiusAt(editor, at())).toBe(6);
    expect(radiusAt(editor, at(0.5))).toBe(6);
  });

  it("grows with the pressure of a pen and never vanishes", () => {
    expect([0, 0.25, 1].map((pressure) => radiusAt(editor, at(pressure)))).toEqual([2, 4, 10]);
  });
});
