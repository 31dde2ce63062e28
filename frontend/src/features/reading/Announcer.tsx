/** What screen readers say by themselves: what was asked for, and when work is no longer safe; never a frame that goes by. */

import { VisuallyHidden } from "@mantine/core";
import { useEditorState } from "./useEditor";

export function Announcer() {
  const said = useEditorState((state) => state.said);
  const isOffline = useEditorState((state) => state.save === "offline");
  const isKept = useEditorState((state) => state.unkeptCount === 0);
  return (
    <VisuallyHidden>
      {/* A new key makes the same sentence be said again. */}
      <div role="status" data-testid="said">
        <span key={said.at}>{said.text}</span>
      </div>
      <div role="alert">
        {isOffline &&
          `The server is out of reach. What you draw is kept in this ${isKept ? "browser" : "tab only"}.`}
      </div>
    </VisuallyHidden>
  );
}
