/** The tools, each with its key. */

import { ActionIcon, Divider, Kbd, Tooltip } from "@mantine/core";
import {
  IconBrush,
  IconCircleMinus,
  IconCirclePlus,
  IconContrast,
  IconContrast2,
  IconEraser,
  IconHandStop,
  IconKeyboard,
  IconMarquee2,
  IconRefresh,
  IconRulerMeasure,
  IconVectorBezier,
  IconZoomReset,
} from "@tabler/icons-react";
import type { ComponentType } from "react";
import { type Action, actionOf, keyName } from "../../editor/actions";
import { useEditorState, useRoom } from "./useEditor";

const TOOLS: [string, ComponentType<{ size?: number; stroke?: number }>][] = [
  ["tool-positive", IconCirclePlus],
  ["tool-negative", IconCircleMinus],
  ["tool-box", IconMarquee2],
  ["tool-line", IconRulerMeasure],
  ["tool-brush", IconBrush],
  ["tool-eraser", IconEraser],
];
const VIEW: [string, ComponentType<{ size?: number; stroke?: number }>][] = [
  ["tool-window", IconContrast],
  ["tool-pan", IconHandStop],
  ["invert", IconContrast2],
  ["outline", IconVectorBezier],
  ["reset-window", IconRefresh],
  ["fit", IconZoomReset],
];

export function Toolbar({ onShortcuts }: { onShortcuts: () => void }) {
  return (
    <nav className="reading-tools" aria-label="Tools">
      {TOOLS.map(([id, icon]) => (
        <ToolButton key={id} action={actionOf(id)} icon={icon} />
      ))}
      <Divider w={28} my={4} />
      {VIEW.map(([id, icon]) => (
        <ToolButton key={id} action={actionOf(id)} icon={icon} />
      ))}
      <Divider w={28} my={4} />
      <Tip label="Keyboard shortcuts" keys={["?"]}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-label="Keyboard shortcuts"
          onClick={onShortcuts}
        >
          <IconKeyboard size={20} stroke={1.6} />
        </ActionIcon>
      </Tip>
    </nav>
  );
}

function Tip({ label, keys, children }: { label: string; keys: string[]; children: React.ReactElement }) {
  return (
    <Tooltip
      position="right"
      openDelay={400}
      label={
        <>
          {label} {keys[0] && <Kbd size="xs">{keyName(keys[0])}</Kbd>}
        </>
      }
    >
      {children}
    </Tooltip>
  );
}

function ToolButton({
  action,
  icon: Icon,
}: {
  action: Action;
  icon: ComponentType<{ size?: number; stroke?: number }>;
}) {
  const { editor } = useRoom();
  const isOn = useEditorState((state) => action.isOn?.(state) ?? false);
  return (
    <Tip label={action.label} keys={action.keys}>
      <ActionIcon
        variant={isOn ? "filled" : "subtle"}
        color={isOn ? "azure" : "gray"}
        size={36}
        aria-label={action.label}
        aria-pressed={isOn}
        onClick={() => action.perform(editor)}
      >
        <Icon size={20} stroke={1.6} />
      </ActionIcon>
    </Tip>
  );
}
