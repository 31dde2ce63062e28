/** What the chosen tool can be set to, and what its next click does: one line at the foot of the image. */

import {
  Button,
  Group,
  Kbd,
  NumberInput,
  SegmentedControl,
  Select,
  Slider,
  Stack,
  Text,
} from "@mantine/core";
import type { ReactNode } from "react";
import { spacingOf } from "../../editor/plates";
import type { ToolId } from "../../editor/state";
import { type ToolOptions as Options, otherLabelOf, setOptions } from "../../editor/tools/options";
import { radiusOf, setRadius } from "../../editor/tools/resize";
import { useEditorState, useRoom } from "./useEditor";

const HINTS: Partial<Record<ToolId, string>> = {
  scribble: "Drag along the structure. Alt: outside",
  lasso: "Drag around what belongs in. Alt: takes away",
  polygon: "Click corners. Enter closes, ⌫ goes back, Esc gives up. Alt at the first: takes away",
  move: "Drag the mask",
  split: "Drag a line right across. Alt: give the larger part",
};

export function ToolOptions() {
  const tool = useEditorState((state) => state.tool);
  const hint = HINTS[tool];
  const settings = SETTINGS[tool];
  if (!hint && !settings) return null;
  return (
    <Group className="tool-options" gap="md" wrap="nowrap" role="group" aria-label="Options of the tool">
      {settings?.()}
      {hint && (
        <Text size="xs" c="dark.1">
          {hint}
        </Text>
      )}
    </Group>
  );
}

const SETTINGS: Partial<Record<ToolId, () => ReactNode>> = {
  brush: () => <BrushOptions />,
  eraser: () => <BrushOptions />,
  warp: () => (
    <>
      <Size />
      <Text size="xs" c="dark.1">
        Drag to pull
      </Text>
    </>
  ),
  centreline: () => <CentrelineOptions />,
  resize: () => <ResizeOptions />,
  split: () => <OtherLabel does="The smaller part becomes" />,
};

function useOptions(): [Options, (change: Partial<Options>) => void] {
  const { editor } = useRoom();
  const options = useEditorState((state) => state.options);
  return [options, (change) => setOptions(editor, change)];
}

/** Keys belong to the editor again as soon as a slider has been let go. */
function letGo(): void {
  (document.activeElement as HTMLElement | null)?.blur();
}

function Size() {
  const { editor } = useRoom();
  const radius = useEditorState((state) => state.brushRadius);
  return (
    <Group gap={8} wrap="nowrap">
      <Slider
        w={110}
        size="sm"
        min={1}
        max={40}
        step={0.5}
        label={null}
        value={radius}
        onChange={(value) => editor.set({ brushRadius: value })}
        onChangeEnd={letGo}
        thumbLabel="Radius of the brush"
      />
      <Text size="xs" c="dark.1" className="numbers" w={56} title="Wheel with Shift, or [ and ]">
        {radius} px
      </Text>
    </Group>
  );
}

function BrushOptions() {
  const [options, set] = useOptions();
  return (
    <>
      <Size />
      <SegmentedControl
        size="xs"
        aria-label="Shape of the brush"
        value={options.brushShape}
        onChange={(value) => set({ brushShape: value as Options["brushShape"] })}
        data={[
          { value: "round", label: "Round" },
          { value: "square", label: "Square" },
        ]}
      />
      <SegmentedControl
        size="xs"
        aria-label="Which pixels are painted"
        value={options.limit}
        onChange={(value) => set({ limit: value as Options["limit"] })}
        data={[
          { value: "none", label: "All" },
          { value: "around", label: "Like the first" },
          { value: "range", label: "Range" },
        ]}
      />
      {options.limit === "around" && (
        <Grey label="Tolerance" value={options.tolerance} onChange={(tolerance) => set({ tolerance })} />
      )}
      {options.limit === "range" && (
        <>
          <Grey
            label="From"
            value={options.range[0]}
            onChange={(low) => set({ range: [low, options.range[1]] })}
          />
          <Grey
            label="To"
            value={options.range[1]}
            onChange={(high) => set({ range: [options.range[0], high] })}
          />
        </>
      )}
    </>
  );
}

function Grey({
  label,
  value,
  onChange,
}: {
  label: string;
  value: number;
  onChange: (value: number) => void;
}) {
  return (
    <Group gap={6} wrap="nowrap">
      <Text size="xs" c="dark.1">
        {label}
      </Text>
      <NumberInput
        size="xs"
        w={76}
        min={0}
        max={65535}
        value={value}
        onChange={(given) => typeof given === "number" && onChange(given)}
        onKeyDown={(event) => event.key === "Enter" && letGo()}
        aria-label={`${label} in grey values`}
      />
    </Group>
  );
}

/** What is going to happen is drawn as a dashed line; nothing does until it is applied. */
function ResizeOptions() {
  const { editor } = useRoom();
  const [options, set] = useOptions();
  const canWrite = useEditorState((state) => state.canWrite);
  const { by, least, most, step, unit } = radiusOf(editor);
  void options;
  return (
    <>
      <SegmentedControl
        size="xs"
        aria-label="What the mask does"
        value={by > 0 ? "grow" : "shrink"}
        onChange={(value) => setRadius(editor, (value === "grow" ? 1 : -1) * Math.abs(by))}
        data={[
          { value: "grow", label: "Grow" },
          { value: "shrink", label: "Shrink" },
        ]}
      />
      <Group gap={8} wrap="nowrap">
        <Slider
          w={110}
          size="sm"
          min={least}
          max={most}
          step={step}
          label={null}
          value={Math.abs(by)}
          onChange={(value) => setRadius(editor, Math.sign(by) * value)}
          onChangeEnd={letGo}
          thumbLabel="Radius"
        />
        <Text size="xs" c="dark.1" className="numbers" w={52} data-testid="resize-radius">
          {unit === "mm" ? Math.abs(by).toFixed(1) : Math.abs(by)} {unit}
        </Text>
      </Group>
      {spacingOf(editor.cine.display) && (
        <SegmentedControl
          size="xs"
          aria-label="Unit of the radius"
          value={unit}
          onChange={(value) => set({ resizeUnit: value as Options["resizeUnit"] })}
          data={["px", "mm"]}
        />
      )}
      <Button
        size="compact-xs"
        variant="light"
        disabled={!canWrite}
        onClick={() => editor.tools.resize.finish?.(editor, false)}
        rightSection={<Kbd size="xs">Enter</Kbd>}
      >
        Apply
      </Button>
      <Text size="xs" c="dark.1">
        + and − or a drag change it, Esc gives up
      </Text>
    </>
  );
}

function CentrelineOptions() {
  const [options, set] = useOptions();
  return (
    <>
      <SegmentedControl
        size="xs"
        aria-label="What the centreline becomes"
        value={options.centreline}
        onChange={(value) => set({ centreline: value as Options["centreline"] })}
        data={[
          { value: "prompts", label: "Prompts" },
          { value: "mask", label: "Mask" },
        ]}
      />
      <Text size="xs" c="dark.1">
        Click along the vessel. Enter ends (Shift: {options.centreline === "mask" ? "prompts" : "mask"}), ⌫
        goes back, Esc gives up
      </Text>
    </>
  );
}

/** What the actions of the menu of masks go by. */
export function MaskOptions() {
  const [options, set] = useOptions();
  return (
    <Stack gap={6} px={12} py={6}>
      <OtherLabel does="Other label" />
      <Group gap={6} wrap="nowrap" justify="space-between">
        <Text size="xs" c="dark.1">
          Small: fewer pixels than
        </Text>
        <NumberInput
          size="xs"
          w={76}
          min={2}
          max={100_000}
          value={options.leastArea}
          onChange={(given) => typeof given === "number" && set({ leastArea: given })}
          aria-label="Pixels of a piece that is not small"
        />
      </Group>
    </Stack>
  );
}

function OtherLabel({ does }: { does: string }) {
  const { editor } = useRoom();
  const [, set] = useOptions();
  const active = useEditorState((state) => state.labelCode);
  const other = useEditorState(() => otherLabelOf(editor)?.code ?? null);
  return (
    <Group gap={6} wrap="nowrap" justify="space-between">
      <Text size="xs" c="dark.1">
        {does}
      </Text>
      <Select
        size="xs"
        w={160}
        comboboxProps={{ withinPortal: false }}
        allowDeselect={false}
        aria-label="The other label"
        value={other}
        onChange={(code) => code && set({ otherLabel: code })}
        data={editor.labels
          .filter((label) => label.code !== active)
          .map((label) => ({ value: label.code, label: label.name }))}
      />
    </Group>
  );
}
