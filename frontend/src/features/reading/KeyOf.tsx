/** The key that an action has now, if it has one. */

import { Kbd } from "@mantine/core";
import { keyName } from "../../editor/actions";
import { useKeysOf } from "./useActions";

export function KeyOf({ id }: { id: string }) {
  const [key] = useKeysOf(id);
  return key ? <Kbd size="xs">{keyName(key)}</Kbd> : null;
}
