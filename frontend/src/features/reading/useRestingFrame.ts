/** The frame that the reader looks at; while the cine plays, the one from which it started: nothing is to flicker. */

import { useRef } from "react";
import { useEditorState } from "./useEditor";

export function useRestingFrame(): number {
  const last = useRef(0);
  return useEditorState((state) => {
    if (!state.playing) last.current = state.frameIndex;
    return last.current;
  });
}
