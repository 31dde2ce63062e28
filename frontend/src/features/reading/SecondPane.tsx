/** The second pane: a kept frame, what the model answered, or another reading, held and played as the first pane is. */

import "./second.css";
import { ActionIcon, Button, Menu, Tooltip } from "@mantine/core";
import { IconChevronDown, IconVectorSpline, IconX } from "@tabler/icons-react";
import { useEffect, useRef } from "react";
import { actionOf } from "../../editor/actions";
import type { Verdict } from "../../editor/compare/agreement";
import { isComparison, nameOf, type Second } from "../../editor/compare/second";
import { SecondView } from "../../editor/compare/secondView";
import type { Editor } from "../../editor/editor";
import { AgreementStrip } from "./AgreementStrip";
import { KeyOf } from "./KeyOf";
import { useEditorState, useRoom } from "./useEditor";

export function SecondPane() {
  const { editor, view } = useRoom();
  const host = useRef<HTMLDivElement>(null);
  const second = useEditorState((state) => state.second);
  const arePlatesHidden = useEditorState((state) => state.platesHidden);
  const isCompared = isComparison(second);

  useEffect(() => {
    if (!host.current || !view.current) return;
    const made = new SecondView(editor, view.current, host.current);
    return () => made.close();
  }, [editor, view]);

  return (
    <section ref={host} className="second" data-testid="second" data-of={second?.of} aria-label="Second pane">
      <Head />
      {isCompared && <Lack />}
      {isCompared && !arePlatesHidden && <Agreements />}
      {isCompared && <AgreementStrip />}
      {second?.of === "frame" && !arePlatesHidden && (
        <div className="plate" style={{ left: 10, bottom: 10 }}>
          Frame {second.frameIndex + 1}, kept
        </div>
      )}
    </section>
  );
}

/** What the pane shows, to be chosen by mouse or keyboard. */
function Head() {
  const { editor } = useRoom();
  const second = useEditorState((state) => state.second);
  const others = useEditorState((state) => state.others);
  const title = second?.of === "frame" ? `Frame ${second.frameIndex + 1}` : editor.comparison.name;
  const choose = (chosen: Second) => editor.comparison.choose(chosen);
  return (
    <div className="second-head">
      <Menu
        position="bottom-start"
        offset={4}
        shadow="md"
        returnFocus={false}
        // A menu that fades away would swallow the next key.
        transitionProps={{ duration: 0 }}
        onOpen={() => void editor.comparison.lookForOthers()}
      >
        <Menu.Target>
          <Button
            size="compact-xs"
            variant="default"
            rightSection={<IconChevronDown size={13} />}
            aria-label={`Second pane shows: ${title}`}
            data-testid="second-choice"
          >
            {title}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>The second pane shows</Menu.Label>
          <Menu.RadioGroup value={choiceOf(second)}>
            <Choice
              value="frame"
              action="compare"
              onChoose={() => choose({ of: "frame", frameIndex: editor.state.frameIndex })}
            >
              This frame, kept in sight
            </Choice>
            <Choice value="model" action="compare-model" onChoose={() => choose({ of: "model" })}>
              What the model answered
            </Choice>
            <Menu.Divider />
            <Menu.Label>Another reading of this cine</Menu.Label>
            {others?.map((other, place) => (
              <Choice
                key={other.id}
                value={other.id}
                action={place === 0 ? "compare-reading" : undefined}
                onChoose={() => choose({ of: "reading", id: other.id })}
              >
                {nameOf(other)}
              </Choice>
            ))}
          </Menu.RadioGroup>
          {!others?.length && (
            <Menu.Item disabled>{others ? "None that you may see" : "Not loaded yet"}</Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <OutlineButton />
      <ActionIcon
        size={22}
        variant="default"
        aria-label="Close the second pane"
        title="Close the second pane"
        onClick={() => editor.comparison.choose(null)}
      >
        <IconX size={14} />
      </ActionIcon>
    </div>
  );
}

function choiceOf(second: Second | null): string {
  return second?.of === "reading" ? second.id : (second?.of ?? "");
}

interface ChoiceProps {
  value: string;
  action: string | undefined;
  onChoose: () => void;
  children: React.ReactNode;
}

function Choice({ value, action, onChoose, children }: ChoiceProps) {
  return (
    <Menu.RadioItem
      py={5}
      value={value}
      closeMenuOnClick
      rightSection={action && <KeyOf id={action} />}
      onChange={onChoose}
    >
      {children}
    </Menu.RadioItem>
  );
}

function OutlineButton() {
  const { editor } = useRoom();
  const action = actionOf("compare-outline");
  const isEnabled = useEditorState((state) => action.isEnabled?.(state) ?? true);
  const isOn = useEditorState((state) => action.isOn?.(state) ?? false);
  if (!isEnabled) return null;
  return (
    <Tooltip label={action.label} openDelay={400}>
      <ActionIcon
        size={22}
        variant={isOn ? "filled" : "default"}
        aria-label={action.label}
        aria-pressed={isOn}
        onClick={() => action.perform(editor)}
      >
        <IconVectorSpline size={14} />
      </ActionIcon>
    </Tooltip>
  );
}

/** Why there is nothing to compare with. */
function Lack() {
  const { editor } = useRoom();
  const failure = useEditorState((state) => state.secondFailure);
  const text = useEditorState((state) => {
    if (failure || state.second?.of !== "model") return failure;
    void state.masksVersion;
    void state.agreementVersion;
    if (editor.document.hasAnswers) return "";
    return editor.comparison.isAssisted
      ? "The model has not been asked anything in this reading."
      : "This campaign gives no assistance: there is no model to compare with.";
  });
  return text ? (
    <div className="plate second-lack" role="status" data-testid="second-lack">
      {text}
    </div>
  ) : null;
}

/** Dice of each label on the frame in sight; written past React, because it changes with every frame that is played. */
function Agreements() {
  const { editor, view } = useRoom();
  const second = useEditorState((state) => state.second);
  const hidden = useEditorState((state) => state.hiddenLabels);
  const hasOutline = useEditorState((state) => state.secondOutline);
  const others = useEditorState((state) => state.others);
  const active = useEditorState((state) => state.labelCode);
  // The means are of what has been compared until now.
  useEditorState((state) => state.agreementVersion);
  const values = useRef(new Map<number, HTMLElement>());
  useEffect(() => {
    const write = () => {
      for (const [index, element] of values.current) {
        const text = verdictText(
          editor.comparison.verdict(index, editor.state.frameIndex),
          editor.comparison.isUndone(index, editor.state.frameIndex),
          editor.state.second?.of === "model",
        );
        if (element.textContent !== text) element.textContent = text;
      }
    };
    write();
    return view.current?.onDraw(write);
  }, [editor, view]);
  const other = second?.of === "reading" ? others?.find(({ id }) => id === second.id) : undefined;
  const leftOut = other?.labels_left_out ?? [];
  return (
    <div className="plate second-agreement" data-testid="agreement">
      {hasOutline && <div className="second-legend">lines: this reading now</div>}
      <table>
        <thead>
          <tr>
            <th />
            <th>Dice here</th>
            <th>mean (frames)</th>
          </tr>
        </thead>
        <tbody>
          {editor.labels.map((label) =>
            hidden.has(label.code) ? null : (
              <tr key={label.code} data-label={label.code} data-active={label.code === active}>
                <th>
                  <span className="second-swatch" style={{ background: label.colour }} />
                  {label.name}
                </th>
                <td
                  ref={(element) => {
                    if (element) values.current.set(label.index, element);
                    else values.current.delete(label.index);
                  }}
                />
                <td>{meanText(editor, label.index)}</td>
              </tr>
            ),
          )}
        </tbody>
      </table>
      {leftOut.length > 0 && <div>not known here: {leftOut.join(", ")}</div>}
    </div>
  );
}

function meanText(editor: Editor, labelIndex: number): string {
  const { dice, frames } = editor.comparison.mean(labelIndex);
  return frames ? `${diceText(dice)} (${frames})` : "–";
}

/** 0.996 is not 1.00: something differs. */
function diceText(dice: number): string {
  return dice < 1 ? Math.min(dice, 0.99).toFixed(2) : "1.00";
}

export function verdictText(verdict: Verdict, isUndone: boolean, isModel: boolean): string {
  const note = isUndone ? ", taken back" : "";
  switch (verdict.kind) {
    case "dice":
      if (verdict.isSame) return `1.00, ${isModel ? "unchanged" : "the same"}${note}`;
      return diceText(verdict.dice) + note;
    case "both-empty":
      return "both empty";
    case "only-here":
      return isModel ? "no answer" : "only in this one";
    case "only-there":
      return `${isModel ? "only the model" : "only in that one"}${note}`;
    case "neither":
      return "–";
    case "unknown":
      return "…";
  }
}
