/** The tools, each with its key. */

import { ActionIcon, Divider, Kbd, Tooltip } from "@mantine/core";
import {
  IconBrush,
  IconCircleMinus,
  IconCirclePlus,
  IconCommand,
  IconContrast,
  IconContrast2,
  IconEraser,
  IconHandStop,
  IconKeyboard,
  IconMarquee2,
  IconRefresh,
  IconVectorBezier,
  IconZoomReset,
} from "@tabler/icons-react";
import type { ComponentType } from "react";
import { type Action, actionOf, keyName } from "../../editor/actions";
import { useKeysOf } from "./useActions";
import { useEditorState, useRoom } from "./useEditor";

const TOOLS: [string, ComponentType<{ size?: number; stroke?: number }>][] = [
  ["tool-positive", IconCirclePlus],
  ["tool-negative", IconCircleMinus],
  ["tool-box", IconMarquee2],
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

const HELP: [string, ComponentType<{ size?: number; stroke?: number }>][] = [
  ["palette", IconCommand],
  ["keys", IconKeyboard],
];

export function Toolbar() {
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
      {HELP.map(([id, icon]) => (
        <ToolButton key={id} action={actionOf(id)} icon={icon} />
      ))}
    </nav>
  );
}

function Tip({
  label,
  keys,
  children,
}: {
  label: string;
  keys: readonly string[];
  children: React.ReactElement;
}) {
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
  const keys = useKeysOf(action.id);
  return (
    <Tip label={action.label} keys={keys}>
      <ActionIcon
        variant={isOn ? "filled" : "subtle"}
        color={isOn ? "azure" : "gray"}
        size={36}
        aria-label={action.label}
        aria-pressed={action.isOn && isOn}
        onClick={() => action.perform(editor)}
      >
        <Icon size={20} stroke={1.6} />
      </ActionIcon>
    </Tip>
  );
}
