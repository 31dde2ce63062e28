/** Views for angiography and the best filled frames; all of it changes what is seen and nothing that is kept. */

import {
  ActionIcon,
  Button,
  Group,
  Progress,
  Slider,
  Stack,
  Text,
  Tooltip,
  UnstyledButton,
} from "@mantine/core";
import { IconArrowDown, IconArrowLeft, IconArrowRight, IconArrowUp, IconRestore } from "@tabler/icons-react";
import { Fragment, type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import type { EnhanceMode, Suggestion } from "../../editor/enhance/state";
import { signed, viewName } from "../../editor/enhance/state";
import { SHIFT_STEP } from "../../editor/enhance/subtraction";
import { KeyOf } from "./KeyOf";
import { Section } from "./panel/Section";
import { useEditorState, useRoom } from "./useEditor";

const MODES: { value: EnhanceMode; label: string; noun: string }[] = [
  { value: "none", label: "Original", noun: "" },
  { value: "subtraction", label: "Subtract", noun: "Subtraction" },
  { value: "minimum", label: "Project", noun: "Projection" },
  { value: "contrast", label: "Contrast", noun: "Local contrast" },
];
const SMALL = { size: "compact-xs", fw: 400, px: 4 } as const;
const AVERAGED = [1, 2, 4, 8];
const ARROWS = [
  { key: "ArrowLeft", name: "left", icon: IconArrowLeft, dx: -1, dy: 0 },
  { key: "ArrowUp", name: "up", icon: IconArrowUp, dx: 0, dy: -1 },
  { key: "ArrowDown", name: "down", icon: IconArrowDown, dx: 0, dy: 1 },
  { key: "ArrowRight", name: "right", icon: IconArrowRight, dx: 1, dy: 0 },
];

export function EnhancePanel() {
  const { editor } = useRoom();
  return editor.enhance.isOffered ? <Panel /> : null;
}

function Panel() {
  const { editor } = useRoom();
  const mode = useEditorState((state) => state.enhance.mode);
  const bright = useEditorState((state) => state.enhance.bright);

  // biome-ignore lint/correctness/useExhaustiveDependencies: bright vessels are found anew
  useEffect(() => {
    void editor.enhance.suggest();
    return () => editor.enhance.stopSuggesting();
  }, [editor, bright]);

  return (
    <div data-testid="angiography">
      <Section
        id="angiography"
        title="Angiography"
        isClosedAtFirst
        aside={
          <Text size="xs" c="yellow.4">
            {MODES.find((known) => known.value === mode)?.noun}
          </Text>
        }
      >
        <Choice
          name="View, for the eye only"
          value={mode}
          options={MODES}
          onChange={(value) => editor.enhance.set({ mode: value })}
        />
        {mode === "none" && <Keys />}
        {mode === "subtraction" && <Subtraction />}
        {mode === "minimum" && <Projection />}
        {mode === "contrast" && <Contrast />}
        <Suggestions />
        <Line name="Vessels">
          <Choice
            name="Vessels are"
            value={bright ? "bright" : "dark"}
            options={[
              { value: "dark", label: "Dark" },
              { value: "bright", label: "Bright" },
            ]}
            onChange={(value) => editor.enhance.set({ bright: value === "bright" })}
          />
        </Line>
      </Section>
    </div>
  );
}

/** One of a few; buttons, because letters pressed on a radio input would not reach the reading's shortcuts. */
function Choice<T extends string | number>({
  name,
  value,
  options,
  onChange,
}: {
  name: string;
  value: T;
  options: { value: T; label: string }[];
  onChange: (value: T) => void;
}) {
  return (
    <Group gap={2} grow wrap="nowrap" role="group" aria-label={name} style={{ flex: 1 }}>
      {options.map((option) => (
        <Button
          key={option.value}
          {...SMALL}
          px={1}
          variant={option.value === value ? "filled" : "default"}
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </Button>
      ))}
    </Group>
  );
}

function Keys() {
  return (
    <Text size="xs" c="dark.2">
      For the eye only: masks and the model keep to the original.{" "}
      {["subtraction", "minimum", "contrast"].map((mode) => (
        <Fragment key={mode}>
          <KeyOf id={`view-${mode}`} />{" "}
        </Fragment>
      ))}
    </Text>
  );
}

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Group gap="xs" wrap="nowrap">
      <Text size="xs" c="dark.2" w={52} style={{ flexShrink: 0 }}>
        {name}
      </Text>
      {children}
    </Group>
  );
}

function Subtraction() {
  const { editor } = useRoom();
  const { enhance } = editor;
  const maskFrame = useEditorState((state) => state.enhance.maskFrame) ?? 0;
  const maskCount = useEditorState((state) => state.enhance.maskCount);
  const frameIndex = useEditorState((state) => state.frameIndex);
  const isAligning = useEditorState((state) => state.enhance.isAligning);
  const isReady = useEditorState((state) => state.enhance.progress === 1);
  const [x, y] = useEditorState((state) => state.enhance.shift);

  function onKeyDown(event: KeyboardEvent) {
    const arrow = ARROWS.find(({ key }) => key === event.key);
    if (!arrow || event.ctrlKey || event.metaKey || event.altKey) return;
    // Elsewhere the arrows choose frames.
    event.preventDefault();
    event.stopPropagation();
    const by = event.shiftKey ? 1 : SHIFT_STEP;
    enhance.nudge(arrow.dx * by, arrow.dy * by);
  }

  return (
    <Stack gap={8}>
      <Line name="Subtract">
        <Text size="xs" className="numbers" style={{ flex: 1 }}>
          frame {maskFrame + 1}
          {maskCount > 1 && ` to ${maskFrame + maskCount}`}
        </Text>
        <Button
          {...SMALL}
          variant="light"
          disabled={maskFrame === frameIndex}
          onClick={() => enhance.set({ maskFrame: frameIndex })}
        >
          Use this frame
        </Button>
      </Line>
      <Line name="Mean of">
        <Choice
          name="How many frames are averaged"
          value={maskCount}
          options={AVERAGED.filter((count) => count <= editor.cine.frameCount).map((count) => ({
            value: count,
            label: String(count),
          }))}
          onChange={(value) => enhance.set({ maskCount: value })}
        />
      </Line>
      <Line name="Shift">
        <Text size="xs" className="numbers" style={{ flex: 1 }} data-testid="mask-shift">
          {signed(x)}, {signed(y)} px
        </Text>
        <Tooltip label="Find the shift at which both frames agree best outside the vessels">
          <Button
            {...SMALL}
            variant="light"
            loading={isAligning}
            disabled={!isReady}
            onClick={() => void enhance.align()}
          >
            Align
          </Button>
        </Tooltip>
      </Line>
      <Group
        gap={4}
        role="group"
        aria-label="Shift of the subtracted frame; arrow keys move it"
        onKeyDown={onKeyDown}
      >
        {ARROWS.map(({ name, icon: Icon, dx, dy }) => (
          <Tooltip
            key={name}
            label={
              <>
                {SHIFT_STEP} px {name} <KeyOf id={`mask-${name}`} />
              </>
            }
          >
            <ActionIcon
              variant="default"
              size="sm"
              aria-label={`Shift ${name}`}
              onClick={() => enhance.nudge(dx * SHIFT_STEP, dy * SHIFT_STEP)}
            >
              <Icon size={14} />
            </ActionIcon>
          </Tooltip>
        ))}
        <Tooltip label="No shift">
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label="No shift"
            disabled={x === 0 && y === 0}
            onClick={() => enhance.set({ shift: [0, 0] })}
          >
            <IconRestore size={14} />
          </ActionIcon>
        </Tooltip>
      </Group>
    </Stack>
  );
}

function Projection() {
  const { editor } = useRoom();
  const last = editor.cine.frameCount - 1;
  const range = useEditorState((state) => state.enhance.range);
  const frameIndex = useEditorState((state) => state.frameIndex);
  const progress = useEditorState((state) => state.enhance.progress);
  const loop = useEditorState((state) => state.loop);
  const [from, to] = range ?? [0, last];
  const setRange = (start: number, end: number) => {
    editor.enhance.set({ range: start === 0 && end === last ? null : [start, end] });
  };
  return (
    <Stack gap={8}>
      <Line name="Frames">
        <Text size="xs" className="numbers">
          {from + 1} to {to + 1}
        </Text>
      </Line>
      <Group gap={6} grow>
        <Button {...SMALL} variant="light" onClick={() => setRange(frameIndex, Math.max(to, frameIndex))}>
          From here
        </Button>
        <Button {...SMALL} variant="light" onClick={() => setRange(Math.min(from, frameIndex), frameIndex)}>
          To here
        </Button>
        <Button {...SMALL} variant="light" disabled={!range} onClick={() => setRange(0, last)}>
          All
        </Button>
        {loop && (
          <Button {...SMALL} variant="light" onClick={() => setRange(loop.start, loop.stop)}>
            Loop
          </Button>
        )}
      </Group>
      {progress < 1 && <Progress size="xs" value={100 * progress} aria-label="Projection" />}
    </Stack>
  );
}

function Contrast() {
  const { editor } = useRoom();
  const clip = useEditorState((state) => state.enhance.clip);
  return (
    <Line name="Limit">
      <Slider
        style={{ flex: 1 }}
        size="sm"
        min={1}
        max={8}
        step={0.5}
        value={clip}
        onChange={(value) => editor.enhance.set({ clip: value })}
        thumbLabel="Limit of the contrast"
      />
      <Text size="xs" className="numbers" w={22} ta="right">
        {clip}
      </Text>
    </Line>
  );
}

function Suggestions() {
  const { editor } = useRoom();
  const status = useEditorState((state) => state.enhance.suggesting);
  const progress = useEditorState((state) => state.enhance.suggestProgress);
  const suggestions = useEditorState((state) => state.enhance.suggestions);
  if (status === "no") return null;
  return (
    <Stack gap={6}>
      <Group justify="space-between" h={22}>
        <Text size="xs" c="dark.2">
          Best filled frames
        </Text>
        {status === "running" && (
          <Button {...SMALL} variant="subtle" color="gray" onClick={() => editor.enhance.stopSuggesting()}>
            Stop
          </Button>
        )}
        {status === "stopped" && (
          <Button {...SMALL} variant="subtle" onClick={() => void editor.enhance.suggest()}>
            Look for them
          </Button>
        )}
      </Group>
      {status === "running" && (
        <Progress size="xs" value={100 * progress} aria-label="Looking for the best filled frames" />
      )}
      {status === "done" && suggestions.length === 0 && (
        <Text size="xs" c="dark.1">
          No frame stands out.
        </Text>
      )}
      {suggestions.length > 0 && (
        <div className="suggestions">
          {suggestions.map((suggestion) => (
            <Thumbnail key={suggestion.frameIndex} suggestion={suggestion} />
          ))}
        </div>
      )}
    </Stack>
  );
}

function Thumbnail({ suggestion: { frameIndex, score, picture } }: { suggestion: Suggestion }) {
  const { editor } = useRoom();
  const canvas = useRef<HTMLCanvasElement>(null);
  const isHere = useEditorState((state) => state.frameIndex === frameIndex);

  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const [low, high] = editor.cine.window;
    const image = new ImageData(picture.columns, picture.rows);
    const words = new Uint32Array(image.data.buffer);
    picture.values.forEach((value, place) => {
      const grey = Math.round((255 * Math.min(Math.max(value - low, 0), high - low)) / (high - low || 1));
      words[place] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    });
    context.putImageData(image, 0, 0);
  }, [editor, picture]);

  return (
    <UnstyledButton
      className="suggestion"
      aria-current={isHere}
      aria-label={`Frame ${frameIndex + 1}, filled ${Math.round(100 * score)} % as well as the best`}
      onClick={() => editor.goTo(frameIndex)}
    >
      <canvas ref={canvas} width={picture.columns} height={picture.rows} />
      <Text size="xs" className="numbers">
        {frameIndex + 1}
      </Text>
      <span className="suggestion-score" style={{ width: `${100 * score}%` }} />
    </UnstyledButton>
  );
}

/** Names the view that is on, in the picture itself. */
export function EnhancePlate() {
  const name = useEditorState((state) => viewName(state.enhance));
  const progress = useEditorState((state) => state.enhance.progress);
  if (!name) return null;
  return (
    <div className="plate plate-view" role="status" data-testid="view-plate">
      {progress < 1 ? `Original picture · ${name} is on its way` : `${name} · view only`}
    </div>
  );
}
