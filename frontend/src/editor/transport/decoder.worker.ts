/** The HTJ2K decoder in a worker of its own. The page starts it when it is going to be used, and not before. */

import createCodec from "@cornerstonejs/codec-openjph";
import wasmAddress from "@cornerstonejs/codec-openjph/wasm?url";
import { Htj2k } from "./htj2k";
import type { DecodeRequest, DecoderMessage } from "./messages";

const tell = (message: DecoderMessage, transfer: Transferable[] = []) => postMessage(message, { transfer });
const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
// The codec writes what it finds wrong to the console; the page is told, and that is enough.
const quiet = () => undefined;

createCodec({ locateFile: () => wasmAddress, print: quiet, printErr: quiet }).then(
  (codec) => {
    const decoder = new Htj2k(codec);
    addEventListener("message", ({ data }: MessageEvent<DecodeRequest>) => {
      const { id, codestream, shape } = data;
      try {
        const begun = performance.now();
        const pixels = decoder.decode(codestream, shape);
        tell({ kind: "decoded", id, pixels, ms: performance.now() - begun }, [pixels]);
      } catch (error) {
        tell({ kind: "refused", id, reason: reasonOf(error) });
      }
    });
    tell({ kind: "ready" });
  },
  (error) => tell({ kind: "failed", reason: reasonOf(error) }),
);
