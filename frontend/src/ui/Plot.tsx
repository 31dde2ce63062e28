/** A line plot over steps (uPlot), dark and as wide as its place. */

import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

interface Line {
  label: string;
  colour: string;
  values: (number | null)[];
}

const AXIS = {
  stroke: "#8f9397",
  grid: { stroke: "#232629", width: 1 },
  ticks: { stroke: "#232629", width: 1 },
};

/** Distances between ticks: there is no half a step. */
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];

export function LinePlot({
  x,
  lines,
  height = 180,
  label,
}: {
  x: number[];
  lines: Line[];
  height?: number;
  label: string;
}) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const data: uPlot.AlignedData = [x, ...lines.map((line) => line.values)];
  const latest = useRef(data);
  latest.current = data;
  const names = lines.map((line) => `${line.label}${line.colour}`).join("|");

  // biome-ignore lint/correctness/useExhaustiveDependencies: names stands for the lines, whose values come later
  useEffect(() => {
    const place = host.current;
    if (!place) return;
    const made = new uPlot(
      {
        width: Math.max(place.clientWidth, 200),
        height,
        axes: [
          { ...AXIS, label: "step", labelSize: 18, labelFont: "12px system-ui", incrs: STEPS },
          { ...AXIS, size: 56 },
        ],
        scales: { x: { time: false } },
        series: [
          { label: "step" },
          ...lines.map((line) => ({
            label: line.label,
            stroke: line.colour,
            width: 2,
            spanGaps: true,
            points: { show: false },
            value: (_: uPlot, value: number | null) => (value === null ? "–" : value.toFixed(3)),
          })),
        ],
      },
      latest.current,
      place,
    );
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: Math.max(place.clientWidth, 200), height }));
    watch.observe(place);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, [height, names]);

  useEffect(() => {
    plot.current?.setData(latest.current);
  });

  return <div ref={host} role="img" aria-label={label} />;
}
