/** The tools, each with its key; what is used less often lies in menus beside them. */

import { ActionIcon, Divider, Kbd, Menu, Tooltip } from "@mantine/core";
import {
  IconArrowsDiagonalMinimize2,
  IconArrowsMove,
  IconBrush,
  IconCircleMinus,
  IconCirclePlus,
  IconCommand,
  IconContrast,
  IconEraser,
  IconHandStop,
  IconKeyboard,
  IconLasso,
  IconLine,
  IconMarquee2,
  IconPolygon,
  IconRipple,
  IconRoute,
  IconRulerMeasure,
  IconScribble,
  IconWand,
} from "@tabler/icons-react";
import type { ComponentType } from "react";
import { ACTIONS, type Action, actionOf, keyName } from "../../editor/actions";
import { KeyOf } from "./KeyOf";
import { MaskOptions } from "./ToolOptions";
import { useKeysOf, useWhyNot } from "./useActions";
import { useEditorState, useRoom } from "./useEditor";
import { ViewMenu } from "./ViewMenu";

type Icon = ComponentType<{ size?: number; stroke?: number }>;

const PROMPTS: [string, Icon][] = [
  ["tool-positive", IconCirclePlus],
  ["tool-negative", IconCircleMinus],
  ["tool-box", IconMarquee2],
  ["tool-line", IconRulerMeasure],
  ["tool-scribble", IconScribble],
  ["tool-centreline", IconRoute],
];
const DRAWING: [string, Icon][] = [
  ["tool-brush", IconBrush],
  ["tool-eraser", IconEraser],
  ["tool-lasso", IconLasso],
  ["tool-polygon", IconPolygon],
];
const SHAPING: [string, Icon][] = [
  ["tool-move", IconArrowsMove],
  ["tool-warp", IconRipple],
  ["tool-split", IconLine],
  ["tool-resize", IconArrowsDiagonalMinimize2],
];
const LOOKING: [string, Icon][] = [
  ["tool-window", IconContrast],
  ["tool-pan", IconHandStop],
];
/** These have their own places: the panel of masks, and a key that is held. */
const ELSEWHERE = new Set(["propagate", "stop", "accept", "hide-masks"]);
const HELP: [string, Icon][] = [
  ["palette", IconCommand],
  ["keys", IconKeyboard],
];
const SIZE = 34;

export function Toolbar() {
  return (
    <nav className="reading-tools" aria-label="Tools">
      <Buttons of={PROMPTS} />
      <Divider w={28} my={3} />
      <Buttons of={DRAWING} />
      <ToolMenu label="Change the shape" of={SHAPING} />
      <ActionMenu label="Work on the mask" icon={IconWand} group="Masks">
        <Menu.Divider />
        <MaskOptions />
      </ActionMenu>
      <Divider w={28} my={3} />
      <Buttons of={LOOKING} />
      <ViewMenu />
      <Divider w={28} my={3} />
      <Buttons of={HELP} />
    </nav>
  );
}

function Buttons({ of }: { of: [string, Icon][] }) {
  return of.map(([id, icon]) => <ToolButton key={id} action={actionOf(id)} icon={icon} />);
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

function ToolButton({ action, icon: Icon }: { action: Action; icon: Icon }) {
  const { editor } = useRoom();
  const isOn = useEditorState((state) => action.isOn?.(state) ?? false);
  const keys = useKeysOf(action.id);
  return (
    <Tip label={action.label} keys={keys}>
      <ActionIcon
        variant={isOn ? "filled" : "subtle"}
        color={isOn ? "azure" : "gray"}
        size={SIZE}
        aria-label={action.label}
        aria-pressed={action.isOn && isOn}
        onClick={() => action.perform(editor)}
      >
        <Icon size={19} stroke={1.6} />
      </ActionIcon>
    </Tip>
  );
}

/** A button that opens a menu to its right; it shows the tool of the menu that is chosen. */
function ToolMenu({ label, of }: { label: string; of: [string, Icon][] }) {
  const chosen = useEditorState((state) => of.find(([id]) => actionOf(id).isOn?.(state))?.[0]);
  const icon = of.find(([id]) => id === chosen)?.[1] ?? of[0]?.[1] ?? IconArrowsMove;
  return (
    <Flyout label={label} icon={icon} isOn={chosen !== undefined}>
      {of.map(([id, icon]) => (
        <ActionItem key={id} action={actionOf(id)} icon={icon} />
      ))}
    </Flyout>
  );
}

/** A menu of every action of a group that has no place of its own. */
function ActionMenu({
  label,
  icon,
  group,
  children,
}: {
  label: string;
  icon: Icon;
  group: Action["group"];
  children?: React.ReactNode;
}) {
  return (
    <Flyout label={label} icon={icon} isOn={false}>
      {ACTIONS.filter(
        (action) => action.group === group && action.menu !== "here" && !ELSEWHERE.has(action.id),
      ).map((action) => (
        <ActionItem key={action.id} action={action} />
      ))}
      {children}
    </Flyout>
  );
}

function Flyout({
  label,
  icon: Icon,
  isOn,
  children,
}: {
  label: string;
  icon: Icon;
  isOn: boolean;
  children: React.ReactNode;
}) {
  return (
    <Menu
      position="right-start"
      offset={6}
      shadow="md"
      returnFocus={false}
      // A menu that fades away would swallow the next key.
      transitionProps={{ duration: 0 }}
    >
      <Menu.Target>
        <ActionIcon
          variant={isOn ? "filled" : "subtle"}
          color={isOn ? "azure" : "gray"}
          size={SIZE}
          aria-label={label}
          title={label}
          className="flyout"
        >
          <Icon size={19} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{label}</Menu.Label>
        {children}
      </Menu.Dropdown>
    </Menu>
  );
}

function ActionItem({ action, icon: Icon }: { action: Action; icon?: Icon }) {
  const { editor } = useRoom();
  const isOn = useEditorState((state) => action.isOn?.(state) ?? false);
  const refusal = useWhyNot(action);
  return (
    <Menu.Item
      py={5}
      disabled={refusal !== undefined}
      title={refusal}
      color={isOn ? "azure.4" : undefined}
      leftSection={Icon && <Icon size={16} stroke={1.6} />}
      rightSection={<KeyOf id={action.id} />}
      onClick={() => action.perform(editor)}
    >
      {action.label}
    </Menu.Item>
  );
}
