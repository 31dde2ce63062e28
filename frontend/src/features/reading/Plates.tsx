/** What a reader wants to know about the image, in its corners. */

import { Loader } from "@mantine/core";
import { useEffect, useRef } from "react";
import { orientationText } from "../../editor/placement";
import { anglesOf, heartRateOf, scaleBarOf } from "../../editor/plates";
import { isActive } from "../../editor/state";
import { presetsFor } from "../../editor/windows";
import { useEditorState, useRoom } from "./useEditor";

const SCALE_BAR_ROOM = 140;

export function Plates() {
  const isHidden = useEditorState((state) => state.platesHidden);
  return (
    <>
      {!isHidden && (
        <>
          <Subject />
          <Look />
          <Moment />
          <Scale />
        </>
      )}
      <Cross />
      <Progress />
    </>
  );
}

/** Where the crosshair is, and how it works. */
function Cross() {
  const at = useEditorState((state) => state.crosshair);
  if (!at) return null;
  return (
    <div
      className="plate"
      style={{ left: "50%", top: 10, transform: "translateX(-50%)", textAlign: "center" }}
      data-testid="crosshair"
    >
      <div>
        column {Math.floor(at.x) + 1}, row {Math.floor(at.y) + 1}
      </div>
      <div>arrows move, with Shift by 10; Enter presses and releases; Esc leaves</div>
    </div>
  );
}

function Subject() {
  const { cine } = useRoom().editor;
  const lines = [
    cine.patientKey,
    `${cine.modality} ${anglesOf(cine.display)}`,
    heartRateOf(cine.display),
    `${cine.columns} × ${cine.rows}, ${cine.bitsAllocated > 8 ? "16" : "8"} bit`,
    cine.display.spacing_is_detector === true ? "detector plane, no scale" : "",
  ];
  return (
    <div className="plate" style={{ left: 10, top: 10 }}>
      {lines.filter(Boolean).map((line) => (
        <div key={line}>{line}</div>
      ))}
    </div>
  );
}

function Look() {
  const { editor } = useRoom();
  const [low, high] = useEditorState((state) => state.window);
  const chosen = useEditorState((state) => state.preset);
  const inverted = useEditorState((state) => state.inverted);
  const scale = useEditorState((state) => state.scale);
  const orientation = useEditorState((state) => state.orientation);
  const areMasksHidden = useEditorState((state) => state.masksHidden);
  const preset = chosen === "own" ? undefined : presetsFor(editor.cine).find(({ id }) => id === chosen);
  const lines = [
    `W ${Math.round(high - low)} L ${Math.round((low + high) / 2)}${inverted ? " inverted" : ""}`,
    preset?.name ?? "",
    `zoom ${Math.round(scale * 100)} %`,
    orientationText(orientation),
    areMasksHidden ? "masks hidden" : "",
  ];
  return (
    <div className="plate" style={{ right: 10, top: 10, textAlign: "right" }} data-testid="look">
      {lines.filter(Boolean).map((line) => (
        <div key={line}>{line}</div>
      ))}
    </div>
  );
}

/** Frame and time; written past React, because it changes with every frame that is played. */
function Moment() {
  const { editor } = useRoom();
  const text = useRef<HTMLDivElement>(null);
  const loop = useEditorState((state) => state.loop);
  const loopStart = useEditorState((state) => state.loopStart);
  const pingPong = useEditorState((state) => state.pingPong);
  const speed = useEditorState((state) => state.speed);
  useEffect(() => {
    const write = ({ frameIndex }: { frameIndex: number }) => {
      const seconds = (editor.clock.timeOf(frameIndex) / 1000).toFixed(2);
      if (text.current)
        text.current.textContent = `${frameIndex + 1} / ${editor.cine.frameCount}   ${seconds} s`;
    };
    write(editor.state);
    return editor.store.subscribe((state, before) => {
      if (state.frameIndex !== before.frameIndex) write(state);
    });
  }, [editor]);
  const ways = [
    speed === 1 ? "" : `${speed}×`,
    loop ? `loop ${loop.start + 1}–${loop.stop + 1}` : "",
    loopStart === null ? "" : `loop from ${loopStart + 1} …`,
    pingPong ? "to and fro" : "",
  ].filter(Boolean);
  return (
    <div className="plate plate-moment" data-testid="moment">
      <div ref={text} style={{ whiteSpace: "pre" }} />
      {ways.length > 0 && <div>{ways.join(", ")}</div>}
    </div>
  );
}

function Scale() {
  const { cine } = useRoom().editor;
  const scale = useEditorState((state) => state.scale);
  const orientation = useEditorState((state) => state.orientation);
  const bar = scaleBarOf(cine.display, { scale, orientation }, SCALE_BAR_ROOM);
  if (!bar) return null;
  return (
    <div className="plate" style={{ right: 10, bottom: 10 }} data-testid="scale-bar">
      <div className="scale-bar" style={{ width: bar.width }} />
      {bar.text}
    </div>
  );
}

function Progress() {
  const { editor } = useRoom();
  const isPredicting = useEditorState((state) =>
    [...state.jobs.values()].some((job) => job.kind === "PREDICT" && isActive(job)),
  );
  const isFrameThere = useEditorState((state) => {
    void state.framesLoaded;
    return editor.frames.get(state.frameIndex) !== undefined;
  });
  return (
    <>
      {isPredicting && (
        <div className="plate" style={{ left: "50%", top: 10, transform: "translateX(-50%)" }} role="status">
          <Loader size={12} mr={6} /> computing the mask
        </div>
      )}
      {!isFrameThere && (
        <div
          className="plate"
          style={{ left: "50%", top: "50%", transform: "translate(-50%, -50%)" }}
          role="status"
        >
          loading the frame
        </div>
      )}
    </>
  );
}
