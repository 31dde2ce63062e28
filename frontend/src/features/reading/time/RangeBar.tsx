/** The range of a propagation as a thing to take hold of, and those that run as brackets that fill up in place. */

import { Tooltip } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { framesBrought, planOf, type Run, rangeText, runsOf, type Span } from "../../../editor/propagation";
import { isActive } from "../../../editor/state";
import { frameAt, type TimeScale, xOf } from "../../../editor/timescale";
import { useEditorState, useRoom } from "../useEditor";

/** Height in pixels. */
export const BAR = 16;

interface Props {
  scale: TimeScale;
  width: number;
}

/** Neighbouring frames as spans. */
export function spansOf(frames: Iterable<number>): Span[] {
  const spans: Span[] = [];
  for (const frame of [...frames].sort((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last && frame === last.stop + 1) last.stop = frame;
    else spans.push({ start: frame, stop: frame });
  }
  return spans;
}

function placed({ scale, width }: Props, span: Span): React.CSSProperties {
  const left = xOf(scale, span.start, width);
  return { left, width: Math.max(xOf(scale, span.stop + 1, width) - left, 2) };
}

export function RangeBar(props: Props) {
  const { editor } = useRoom();
  const canWrite = useEditorState((state) => state.canWrite);
  const playing = useEditorState((state) => state.playing);
  // Plans and runs are derived from all of these; drawing them again is cheap, missing a change is not.
  useEditorState((state) => state.masksVersion);
  useEditorState((state) => state.jobs);
  const runs = runsOf(editor).filter((run) => isActive(run.job));
  return (
    <div className="range-bar" style={{ height: BAR }}>
      {runs.map((run) => (
        <RunBracket key={run.job.id} run={run} {...props} />
      ))}
      {canWrite && !playing && runs.length === 0 && <PlannedRange {...props} />}
    </div>
  );
}

function RunBracket({ run, ...props }: Props & { run: Run }) {
  const { editor } = useRoom();
  const place = placed(props, run);
  return (
    <>
      <div
        className="range-run"
        style={place}
        data-testid="running-range"
        data-start={run.start}
        data-stop={run.stop}
      />
      {spansOf(framesBrought(editor.document, run)).map((span) => (
        <div key={span.start} className="range-done" style={placed(props, span)} />
      ))}
    </>
  );
}

function PlannedRange(props: Props) {
  const { editor } = useRoom();
  useEditorState((state) => state.frameIndex);
  useEditorState((state) => state.direction);
  useEditorState((state) => state.propagated);
  const range = useEditorState((state) => state.range);
  const plan = planOf(editor);
  const isNothing = plan.refusal?.code === "nothing_to_propagate";
  if (isNothing && !range) return null;
  const locked: number[] = [];
  for (let frame = plan.start; frame <= plan.stop; frame++) {
    const isLocked = plan.labels.every((label) => editor.document.isLocked(label.index, frame));
    if (plan.labels.length && isLocked) locked.push(frame);
  }
  const cell = props.width / props.scale.length;
  return (
    <>
      <div
        className="range-plan"
        data-pinned={range !== null}
        data-refused={plan.refusal !== null}
        style={placed(props, plan)}
        data-testid="planned-range"
      />
      {spansOf(locked).map((span) => (
        <div key={span.start} className="range-locked" style={placed(props, span)}>
          {cell * (span.stop - span.start + 1) >= 10 && <IconLock size={10} />}
        </div>
      ))}
      <Handle edge="start" plan={plan} {...props} />
      <Handle edge="stop" plan={plan} {...props} />
    </>
  );
}

function Handle({ edge, plan, scale, width }: Props & { edge: keyof Span; plan: Span }) {
  const { editor } = useRoom();
  const frameIndex = useEditorState((state) => state.frameIndex);
  const isStart = edge === "start";
  const [least, most] = isStart
    ? [0, Math.min(frameIndex, plan.stop)]
    : [Math.max(frameIndex, plan.start), editor.cine.frameCount - 1];
  const value = plan[edge];
  const move = (frame: number) => {
    const { range, direction } = editor.state;
    const span = range ?? planOf(editor, "both");
    const next = { start: span.start, stop: span.stop, [edge]: Math.min(Math.max(frame, least), most) };
    // An edge that is pulled is meant: a direction that would not reach it becomes both.
    const lost = isStart ? direction === "forward" : direction === "backward";
    editor.set({ range: next, direction: lost ? "both" : direction });
  };
  const drag = (event: React.PointerEvent) => {
    if (event.buttons !== 1) return;
    const box = event.currentTarget.parentElement?.getBoundingClientRect();
    if (box) move(frameAt(scale, event.clientX - box.left, box.width));
  };
  return (
    <Tooltip label={`${rangeText(plan)}; double click: automatic`} openDelay={500}>
      <div
        role="slider"
        tabIndex={0}
        className="range-handle"
        data-edge={edge}
        aria-label={isStart ? "First frame to propagate to" : "Last frame to propagate to"}
        aria-valuemin={least + 1}
        aria-valuemax={most + 1}
        aria-valuenow={value + 1}
        style={{ left: xOf(scale, isStart ? value : value + 1, width) }}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
        onDoubleClick={() => editor.set({ range: null })}
        onKeyDown={(event) => {
          const to = { ArrowLeft: value - 1, ArrowRight: value + 1, Home: least, End: most }[event.key];
          if (to === undefined || event.ctrlKey || event.metaKey) return;
          event.preventDefault();
          event.stopPropagation();
          move(to);
        }}
      />
    </Tooltip>
  );
}
