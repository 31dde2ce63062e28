/** Where the cine is shown, with what a reader wants to know about it in the corners. */

import { Loader } from "@mantine/core";
import { useEffect, useRef } from "react";
import { isActive } from "../../editor/state";
import { EditorView } from "../../editor/view";
import { EnhancePlate } from "./EnhancePanel";
import { useEditorState, useRoom } from "./useEditor";

declare global {
  interface Window {
    /** The open editor, for end-to-end tests and the curious. */
    __cineloop?: { editor: import("../../editor/editor").Editor; view: EditorView };
  }
}

export function Stage() {
  const { editor, view } = useRoom();
  const host = useRef<HTMLDivElement>(null);
  const tool = useEditorState((state) => state.tool);

  useEffect(() => {
    if (!host.current) return;
    const made = new EditorView(editor, host.current);
    view.current = made;
    window.__cineloop = { editor, view: made };
    return () => {
      view.current = null;
      delete window.__cineloop;
      made.close();
    };
  }, [editor, view]);

  return (
    <div ref={host} className="stage" data-tool={tool} data-testid="stage">
      <Plates />
      <EnhancePlate />
    </div>
  );
}

/** XA angles as cardiologists name them; PS3.3 C.8.7.5: positive primary is LAO, positive secondary is cranial. */
export function anglesOf(display: Record<string, unknown>): string {
  const { primary_angle_deg: primary, secondary_angle_deg: secondary } = display;
  if (typeof primary !== "number" || typeof secondary !== "number") return "";
  const first = `${primary < 0 ? "RAO" : "LAO"} ${Math.abs(Math.round(primary))}°`;
  const second = `${secondary < 0 ? "CAU" : "CRA"} ${Math.abs(Math.round(secondary))}°`;
  return `${first} / ${second}`;
}

function Plates() {
  const { editor } = useRoom();
  const { cine } = editor;
  const window_ = useEditorState((state) => state.window);
  const zoom = useEditorState((state) => state.zoom);
  const inverted = useEditorState((state) => state.inverted);
  const hidden = useEditorState((state) => state.masksHidden);
  const isPredicting = useEditorState((state) =>
    [...state.jobs.values()].some((job) => job.kind === "PREDICT" && isActive(job)),
  );
  const isFrameThere = useEditorState((state) => {
    void state.framesLoaded;
    return editor.frames.get(state.frameIndex) !== undefined;
  });
  const width = Math.round(window_[1] - window_[0]);
  const level = Math.round((window_[0] + window_[1]) / 2);
  return (
    <>
      <div className="plate" style={{ left: 10, top: 10 }}>
        {cine.patientKey}
        <br />
        {cine.modality} {anglesOf(cine.display)}
        <br />
        {cine.columns} × {cine.rows}, {cine.bitsAllocated > 8 ? "16" : "8"} bit
      </div>
      <div className="plate" style={{ right: 10, top: 10, textAlign: "right" }}>
        W {width} L {level}
        {inverted ? " inverted" : ""}
        <br />
        zoom {Math.round(zoom * 100)} %{hidden ? " · masks hidden" : ""}
      </div>
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
