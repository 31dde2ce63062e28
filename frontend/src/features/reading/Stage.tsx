/** Where the cine is shown: one pane, or two that are held and played alike. */

import { useEffect, useRef } from "react";
import { EditorView } from "../../editor/view";
import { EnhancePlate } from "./EnhancePanel";
import { Plates } from "./Plates";
import { SecondPane } from "./SecondPane";
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
  const isCompared = useEditorState((state) => state.second !== null);
  const hasCrosshair = useEditorState((state) => state.crosshair !== null);

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

  // The keys of the crosshair belong to the image, not to the control that was reached before.
  useEffect(() => {
    if (hasCrosshair) host.current?.focus();
  }, [hasCrosshair]);

  return (
    <div className="panes">
      {isCompared && <SecondPane />}
      <div ref={host} className="stage" data-tool={tool} data-testid="stage" tabIndex={-1}>
        <Plates />
        <EnhancePlate />
      </div>
    </div>
  );
}
