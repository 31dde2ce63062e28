/** The frame that stays in sight beside the current one, held and zoomed as that is. */

import { useEffect, useRef } from "react";
import { ReferenceView } from "../../editor/reference";
import { useEditorState, useRoom } from "./useEditor";

export function ReferencePane() {
  const { editor, view } = useRoom();
  const host = useRef<HTMLDivElement>(null);
  const reference = useEditorState((state) => state.reference);

  useEffect(() => {
    if (!host.current || !view.current) return;
    const made = new ReferenceView(editor, view.current, host.current);
    return () => made.close();
  }, [editor, view]);

  return (
    <div ref={host} className="reference" data-testid="reference">
      <div className="plate" style={{ left: 10, bottom: 10 }}>
        Frame {(reference ?? 0) + 1}, kept
      </div>
    </div>
  );
}
