/** The browser's database of unsent events, and which tab this page is. */

import { indexedStore } from "../../editor/outboxStore";
import { openTab } from "../../editor/tab";

function localStorage(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined; // forbidden by the browser
  }
}

export const outboxStore = indexedStore(localStorage());
export const thisTab = openTab(localStorage(), navigator.locks);
