/** What goes to the decoder's worker and back. */

import type { Codestream, FrameShape } from "./htj2k";

export interface DecodeRequest {
  id: number;
  codestream: Codestream;
  shape: FrameShape;
}

export type DecoderMessage =
  /** Ready, or not to be had. */
  | { kind: "ready" }
  | { kind: "failed"; reason: string }
  /** One answer to each request. */
  | { kind: "decoded"; id: number; pixels: ArrayBuffer; ms: number }
  | { kind: "refused"; id: number; reason: string };
