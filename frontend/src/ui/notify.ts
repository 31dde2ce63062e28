/** Short messages in the corner. */

import { notifications } from "@mantine/notifications";
import { sentenceOf } from "../api/client";

export function notifyError(error: unknown): void {
  notifications.show({
    color: "red",
    title: "That did not work",
    message: sentenceOf(error),
    autoClose: 8000,
  });
}

export function notifyDone(message: string): void {
  notifications.show({ color: "teal", message, autoClose: 4000 });
}
