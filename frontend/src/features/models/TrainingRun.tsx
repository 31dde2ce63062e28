/** A training: how far it is, and its loss so far. */

import { Alert, Button, Group, Paper, Progress, Text, Title } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { LinePlot } from "../../ui/Plot";
import { Status } from "../../ui/Status";
import { METHODS, methodIn } from "./TrainingMethod";

type Run = Schemas["TrainingRun"];

function minutes(seconds: number | null | undefined): string {
  const whole = Math.round(seconds ?? 0);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function TrainingRun({ run, onCancel }: { run: Run; onCancel?: (() => void) | undefined }) {
  const isLive = run.status === "QUEUED" || run.status === "RUNNING";
  const { step, total_steps: total, elapsed_s: elapsed, loss } = run.progress;
  const method = methodIn(run.config);
  const points = run.curve.filter((point) => typeof point[0] === "number");
  return (
    <Paper p="md" withBorder data-testid="training-run" data-status={run.status}>
      <Group justify="space-between" mb="sm">
        <Group gap="md">
          <Title order={2} size="h4">
            Training on version {run.dataset_version.number}
          </Title>
          <Status state={run.status} />
        </Group>
        {isLive && onCancel && (
          <Button size="compact-sm" variant="subtle" color="red" onClick={onCancel}>
            Stop training
          </Button>
        )}
      </Group>
      {run.error_message && (
        <Alert color={run.status === "FAILED" ? "red" : "gray"} mb="sm" title={run.error_code}>
          {run.error_message}
        </Alert>
      )}
      {isLive && (
        <Progress
          value={total ? (100 * step) / total : 0}
          animated
          mb={6}
          aria-label={`Training: step ${step} of ${total ?? "unknown"}`}
        />
      )}
      <Text size="sm" c="dark.1" mb="sm" className="numbers" aria-live="polite">
        {run.status === "QUEUED"
          ? "Waiting for a training worker …"
          : `step ${step}${total ? ` of ${total}` : ""} · ${minutes(elapsed)} min${loss == null ? "" : ` · loss ${loss.toFixed(3)}`}`}
        {method ? ` · ${METHODS[method].label}` : ""}
        {run.trigger === "policy"
          ? " · started by the policy"
          : run.started_by
            ? ` · started by ${run.started_by}`
            : ""}
      </Text>
      {points.length > 1 && (
        <LinePlot
          label="Loss over the steps of the training"
          x={points.map((point) => point[0] as number)}
          lines={[{ label: "loss", colour: "#46a2e9", values: points.map((point) => point[1] ?? null) }]}
        />
      )}
    </Paper>
  );
}
