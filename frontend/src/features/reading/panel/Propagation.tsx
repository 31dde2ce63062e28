/** From which frame, which way, how far and for which labels to propagate; what runs, and what was run. */

import {
  ActionIcon,
  Button,
  Checkbox,
  ColorSwatch,
  Group,
  Progress,
  SegmentedControl,
  Text,
  Tooltip,
} from "@mantine/core";
import { IconArrowBackUp, IconPlayerStopFilled, IconPlayerTrackNextFilled } from "@tabler/icons-react";
import {
  labelsThere,
  planOf,
  type Run,
  rangeText,
  redoPlan,
  runsOf,
  statusText,
} from "../../../editor/propagation";
import { type Direction, isActive } from "../../../editor/state";
import { KeyOf } from "../KeyOf";
import { useEditorState, useRoom } from "../useEditor";
import { useRestingFrame } from "../useRestingFrame";
import { Section } from "./Section";

const RUNS_SHOWN = 5;

export function Propagation() {
  const { editor } = useRoom();
  useEditorState((state) => state.masksVersion);
  useEditorState((state) => state.jobs);
  const frameIndex = useRestingFrame();
  const canWrite = useEditorState((state) => state.canWrite);
  const runs = runsOf(editor);
  const active = runs.filter((run) => isActive(run.job));
  const cut = active.length ? undefined : runs.find((run) => run.left > 0);
  return (
    <>
      <Section id="propagation" title={`Propagation from frame ${frameIndex + 1}`}>
        <Start isRunning={active.length > 0} last={runs.find((run) => !run.isUndone)} />
        {active.map((run) => (
          <Running key={run.job.id} run={run} />
        ))}
        {cut && (
          <Group justify="space-between" wrap="nowrap">
            <Text size="xs" c="dark.1" className="numbers">
              {statusText(cut)}, {cut.left} {cut.left === 1 ? "mask" : "masks"} left
            </Text>
            <Tooltip label={`Go on with ${rangeText(cut)}; what is there stays`}>
              <Button
                size="compact-xs"
                variant="light"
                disabled={!canWrite}
                leftSection={<IconPlayerTrackNextFilled size={12} />}
                onClick={() => editor.resume(cut)}
              >
                Resume
              </Button>
            </Tooltip>
          </Group>
        )}
      </Section>
      {runs.length > 0 && (
        <Section id="runs" title={`Runs (${runs.length})`} isClosedAtFirst>
          {runs.slice(0, RUNS_SHOWN).map((run) => (
            <PastRun key={run.job.id} run={run} />
          ))}
        </Section>
      )}
    </>
  );
}

function Start({ isRunning, last }: { isRunning: boolean; last: Run | undefined }) {
  const { editor } = useRoom();
  const direction = useEditorState((state) => state.direction);
  const canWrite = useEditorState((state) => state.canWrite);
  const range = useEditorState((state) => state.range);
  const propagated = useEditorState((state) => state.propagated);
  const frameIndex = useRestingFrame();
  const there = labelsThere(editor, frameIndex);
  const plan = planOf(editor);
  const redo = last && !isActive(last.job) && last.frameIndex !== frameIndex ? redoPlan(editor, last) : null;
  const choose = (code: string, isChosen: boolean) => {
    const all = editor.labels.map((label) => label.code);
    const next = new Set(propagated ?? all);
    if (isChosen) next.add(code);
    else next.delete(code);
    editor.set({ propagated: all.every((known) => next.has(known)) ? null : next });
  };
  return (
    <>
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label="Direction"
        value={direction}
        onChange={(value) => editor.set({ direction: value as Direction })}
        data={[
          { value: "backward", label: "← Back" },
          { value: "both", label: "Both" },
          { value: "forward", label: "On →" },
        ]}
      />
      {there.length > 1 && (
        <fieldset className="label-choice" aria-label="Labels to propagate">
          {there.map((label) => (
            <Checkbox
              key={label.code}
              size="xs"
              color={label.colour}
              label={label.name}
              checked={propagated === null || propagated.has(label.code)}
              onChange={(event) => choose(label.code, event.currentTarget.checked)}
            />
          ))}
        </fieldset>
      )}
      {!isRunning && (
        <Group justify="space-between" wrap="nowrap" mih={20}>
          <Text size="xs" c="dark.2" className="numbers" role="status" lineClamp={2}>
            {plan.refusal
              ? plan.refusal.text
              : `${rangeText(plan)}, ${plan.masks} ${plan.masks === 1 ? "mask" : "masks"}`}
          </Text>
          {range && (
            <Tooltip label="Back to the range between key frames">
              <ActionIcon
                size={20}
                variant="subtle"
                color="gray"
                aria-label="Automatic range"
                onClick={() => editor.set({ range: null })}
              >
                <IconArrowBackUp size={14} />
              </ActionIcon>
            </Tooltip>
          )}
        </Group>
      )}
      {!isRunning && (
        <Button
          size="sm"
          variant="light"
          disabled={!canWrite || plan.refusal !== null}
          rightSection={<KeyOf id="propagate" />}
          onClick={() => editor.propagate()}
        >
          Propagate
        </Button>
      )}
      {!isRunning && redo && canWrite && (
        <Tooltip label={`Run ${last?.job.run_no} again over ${rangeText(redo)}, ${redo.masks} masks`}>
          <Button
            size="compact-xs"
            variant="subtle"
            color="gray"
            fw={400}
            onClick={() => editor.startPlan(redo)}
          >
            Run again from here, {rangeText(redo)}
          </Button>
        </Tooltip>
      )}
    </>
  );
}

function Running({ run }: { run: Run }) {
  const { editor } = useRoom();
  const { job } = run;
  return (
    <div>
      <Progress size="xs" value={(100 * job.done) / Math.max(job.total, 1)} aria-label="Propagation" />
      <Group justify="space-between" mt={4} wrap="nowrap">
        <Text size="xs" c="dark.1" className="numbers" role="status">
          {job.error?.code === "waiting_for_worker"
            ? "Waiting for a worker …"
            : `${job.done} of ${job.total} masks`}
        </Text>
        <Button
          size="compact-xs"
          color="red"
          variant="light"
          leftSection={<IconPlayerStopFilled size={12} />}
          onClick={() => void editor.stopJob(job.id)}
        >
          Stop
        </Button>
      </Group>
    </div>
  );
}

const ARROWS: Record<Direction, string> = { backward: "←", both: "↔", forward: "→" };

function PastRun({ run }: { run: Run }) {
  const { editor } = useRoom();
  const canWrite = useEditorState((state) => state.canWrite);
  const { job } = run;
  const labels = run.labels.flatMap((code) => editor.document.labelOf(code) ?? []);
  const when = new Date(job.created_at).toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  });
  return (
    <div className="run" data-status={job.status} data-testid="run">
      <Group gap={5} wrap="nowrap">
        <Text size="xs" className="numbers" truncate style={{ flex: 1 }} title={`Started by ${job.reader}`}>
          {when} {ARROWS[run.direction]} {rangeText(run)}
        </Text>
        {labels.map((label) => (
          <ColorSwatch key={label.code} color={label.colour} size={8} withShadow={false} title={label.name} />
        ))}
      </Group>
      <Group justify="space-between" wrap="nowrap" gap={4}>
        <Text size="xs" c="dark.2" className="numbers" truncate title={statusText(run)}>
          {job.done} {job.done === 1 ? "mask" : "masks"}, {statusText(run)} · {job.reader}
        </Text>
        {run.left > 0 && canWrite && (
          <Button size="compact-xs" variant="subtle" onClick={() => editor.resume(run)}>
            Resume
          </Button>
        )}
      </Group>
    </div>
  );
}
