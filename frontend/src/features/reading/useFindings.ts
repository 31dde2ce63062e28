/** What to look at, found anew a moment after the masks have changed: while a propagation streams, not with each mask. */

import { useEffect, useState } from "react";
import { type Finding, findingsOf } from "../../editor/attention";
import { useRoom } from "./useEditor";

const WAIT_MS = 250;

export function useFindings(): Finding[] {
  const { editor } = useRoom();
  const [findings, setFindings] = useState<Finding[]>([]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const find = () => {
      timer = undefined;
      setFindings(findingsOf(editor.document, editor.labels));
    };
    const forget = editor.store.subscribe((state, before) => {
      if (state.masksVersion !== before.masksVersion) timer ??= setTimeout(find, WAIT_MS);
    });
    find();
    return () => {
      forget();
      clearTimeout(timer);
    };
  }, [editor]);
  return findings;
}
