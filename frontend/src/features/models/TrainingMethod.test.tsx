import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { type Method, methodIn, TrainingMethod, usualMethod } from "./TrainingMethod";

const PUBLISHED: Method[] = ["lora", "decoder", "full"];

beforeAll(() => {
  window.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  Element.prototype.scrollIntoView = () => undefined;
});

describe("the method of a training", () => {
  it("is that of the campaign, or the usual one of the model", () => {
    expect(usualMethod(PUBLISHED, { method: "decoder", steps: 5 })).toBe("decoder");
    expect(usualMethod(PUBLISHED, { steps: 5 })).toBe("lora");
    expect(usualMethod(PUBLISHED, { method: "half" })).toBe("lora");
    expect(usualMethod(["full"], { method: "lora" })).toBe("full");
    expect(usualMethod([], { method: "lora" })).toBeUndefined();
    expect(usualMethod(PUBLISHED, null)).toBe("lora");
  });

  it("is read from what a run was asked for", () => {
    expect(methodIn({ method: "lora" })).toBe("lora");
    expect(methodIn({})).toBeUndefined();
    expect(methodIn(undefined)).toBeUndefined();
  });

  it("is chosen among those that the model offers, each with a word on it", async () => {
    const onChange = vi.fn();
    render(
      <MantineProvider>
        <TrainingMethod methods={PUBLISHED} value="lora" onChange={onChange} />
      </MantineProvider>,
    );
    const input = screen.getByRole("combobox", { name: "What learns" });
    expect(input).toHaveProperty("value", "Adapter (LoRA)");
    await userEvent.click(input);
    const shown = await screen.findAllByRole("option", { hidden: true });
    expect(shown.map((option) => option.textContent)).toEqual([
      expect.stringMatching(/^Adapter \(LoRA\)The weights stay/),
      expect.stringMatching(/^Decoder only/),
      expect.stringMatching(/^All weights/),
    ]);
    await userEvent.click(shown[1] as HTMLElement);
    expect(onChange).toHaveBeenCalledWith("decoder");
  });
});
