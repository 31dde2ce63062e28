/** What of a model learns in the next training. */

import { Select, Text } from "@mantine/core";
import type { Schemas } from "../../api/client";

export type Method = Schemas["TrainingMethodsEnum"];

export const METHODS: Record<Method, { label: string; hint: string }> = {
  full: { label: "All weights", hint: "Learns most; the new model is as large as the one in use." },
  decoder: { label: "Decoder only", hint: "Only what answers prompts learns: less memory, less to forget." },
  lora: {
    label: "Adapter (LoRA)",
    hint: "The weights stay as they are; a few megabytes beside them learn.",
  },
};

/** The method that settings of a training name, if they name one. */
export function methodIn(settings: unknown): Method | undefined {
  const named = (settings as { method?: unknown } | null | undefined)?.method;
  return (Object.keys(METHODS) as Method[]).find((method) => method === named);
}

/** The method that the campaign's settings ask for, or else the usual one of the model. */
export function usualMethod(methods: readonly Method[], settings: unknown): Method | undefined {
  const wanted = methodIn(settings);
  return wanted && methods.includes(wanted) ? wanted : methods[0];
}

export function TrainingMethod({
  methods,
  value,
  onChange,
}: {
  methods: readonly Method[];
  value: Method | undefined;
  onChange: (method: Method) => void;
}) {
  return (
    <Select
      aria-label="What learns"
      w={170}
      allowDeselect={false}
      comboboxProps={{ width: 300, position: "bottom-end" }}
      data={methods.map((method) => ({ value: method, label: METHODS[method].label }))}
      value={value ?? null}
      onChange={(method) => method && onChange(method as Method)}
      renderOption={({ option }) => (
        <div>
          <Text size="sm">{option.label}</Text>
          <Text size="xs" c="dark.2">
            {METHODS[option.value as Method].hint}
          </Text>
        </div>
      )}
    />
  );
}
