/** Two models on the same cines: a line for each cine from the model in use to the new one. */

import { Group, Stack, Text } from "@mantine/core";
import type { Schemas } from "../../api/client";

type Evaluation = Schemas["Evaluation"];

const BEFORE = "#8f9397";
const AFTER = "#46a2e9";
const ROW = 24;
const LEFT = 150;
const WIDTH = 640;
const AXIS = 26;

export function Comparison({
  candidate,
  current,
}: {
  candidate: Evaluation | undefined;
  current: Evaluation | undefined;
}) {
  if (!candidate) return <Text c="dark.2">This model has not been measured.</Text>;
  const before = new Map(current?.cines.map((score) => [score.cine, score.iou]));
  const rows = candidate.cines.map((score, place) => ({
    name: `cine ${place + 1}`,
    after: score.iou,
    before: before.get(score.cine),
    low: null as number | null,
    high: null as number | null,
  }));
  rows.push({
    name: "mean of cines",
    after: candidate.iou,
    before: current?.iou,
    low: candidate.iou_low,
    high: candidate.iou_high,
  });
  const x = (value: number) => LEFT + value * (WIDTH - LEFT - 20);
  const height = rows.length * ROW + AXIS;
  const gain = current ? candidate.iou - current.iou : null;
  return (
    <Stack gap="xs">
      {!candidate.is_locked_test && (
        <Text size="sm" c="yellow.5" role="note">
          Measured on the part that was trained on, because only one patient has been read so far: this says
          nothing about new patients.
        </Text>
      )}
      <Group gap="xl">
        <Figure name="IoU" before={current?.iou} after={candidate.iou} />
        <Figure name="Dice" before={current?.dice} after={candidate.dice} />
        {gain !== null && (
          <Text size="sm" c={gain > 0 ? "teal.4" : "orange.4"} className="numbers">
            {gain > 0 ? "▲" : "▼"} {Math.abs(gain).toFixed(3)} IoU on {candidate.cines.length}{" "}
            {candidate.is_locked_test ? "test" : candidate.split} cine
            {candidate.cines.length === 1 ? "" : "s"} of version {candidate.dataset_version_number}
          </Text>
        )}
      </Group>
      <svg
        width="100%"
        viewBox={`0 0 ${WIDTH} ${height}`}
        style={{ maxWidth: 820 }}
        role="img"
        aria-label="IoU of each cine: the model in use and the new one"
      >
        {[0, 0.25, 0.5, 0.75, 1].map((tick) => (
          <g key={tick}>
            <line x1={x(tick)} x2={x(tick)} y1={0} y2={height - AXIS + 4} stroke="#232629" />
            <text x={x(tick)} y={height - 8} fill="#8f9397" fontSize={11} textAnchor="middle">
              {tick}
            </text>
          </g>
        ))}
        {rows.map((row, place) => {
          const y = place * ROW + ROW / 2;
          const isMean = place === rows.length - 1;
          return (
            <g key={row.name}>
              <text
                x={LEFT - 12}
                y={y + 4}
                fill={isMean ? "#dcdee0" : "#b3b6b9"}
                fontSize={12}
                textAnchor="end"
              >
                {row.name}
              </text>
              {row.low !== null && row.high !== null && (
                <line
                  x1={x(row.low)}
                  x2={x(row.high)}
                  y1={y}
                  y2={y}
                  stroke={AFTER}
                  strokeOpacity={0.35}
                  strokeWidth={8}
                />
              )}
              {row.before !== undefined && (
                <line x1={x(row.before)} x2={x(row.after)} y1={y} y2={y} stroke="#5f6468" strokeWidth={2} />
              )}
              {row.before !== undefined && (
                <circle cx={x(row.before)} cy={y} r={4.5} fill="#0b0c0d" stroke={BEFORE} strokeWidth={2} />
              )}
              <circle cx={x(row.after)} cy={y} r={isMean ? 6 : 5} fill={AFTER} />
            </g>
          );
        })}
      </svg>
      <Group gap="md">
        <Text size="xs" c="dark.1">
          <Text span c={BEFORE} aria-hidden="true">
            ○
          </Text>{" "}
          model in use
        </Text>
        <Text size="xs" c="dark.1">
          <Text span c={AFTER} aria-hidden="true">
            ●
          </Text>{" "}
          new model; the band is the 95 % interval of its mean
        </Text>
      </Group>
    </Stack>
  );
}

function Figure({ name, before, after }: { name: string; before: number | undefined; after: number }) {
  return (
    <Group gap={8} align="baseline">
      <Text size="sm" c="dark.2">
        {name}
      </Text>
      <Text size="sm" c="dark.1" className="numbers">
        {before === undefined ? "not measured" : before.toFixed(3)} →
      </Text>
      <Text fz={20} fw={600} className="numbers">
        {after.toFixed(3)}
      </Text>
    </Group>
  );
}
