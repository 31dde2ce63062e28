/** Frames from the server, in the form that is asked for, and how long their bodies took. */

import { refusalOf } from "../../api/client";
import { WorkerDecoder } from "../../editor/transport/decoder";
import type { FrameSource } from "../../editor/transport/transport";

const HTJ2K = "image/jphc";
/** A server that cannot send HTJ2K answers in the other form. */
const ACCEPT = { htj2k: `${HTJ2K}, application/octet-stream;q=0.5`, gzip: "*/*" } as const;

export function frameSource(cineId: string): FrameSource {
  const frames = `/api/v1/cines/${cineId}/frames/`;
  return {
    async fetch(frameNumber, form, signal) {
      const response = await fetch(`${frames}${frameNumber}/`, { signal, headers: { Accept: ACCEPT[form] } });
      if (!response.ok) throw refusalOf(response.status, await response.json().catch(() => undefined));
      const { headers } = response;
      const data = await response.arrayBuffer();
      const crc32 = Number.parseInt(headers.get("X-Pixels-CRC32") ?? "", 16);
      return {
        form: headers.get("Content-Type") === HTJ2K ? "htj2k" : "gzip",
        bytes: Number(headers.get("Content-Length")) || data.byteLength,
        data,
        crc32: Number.isNaN(crc32) ? null : crc32,
      };
    },
    async probe(frameNumber) {
      const headers = { Accept: ACCEPT.htj2k };
      // The browser would answer out of its cache, and keep what has no body.
      const response = await fetch(`${frames}${frameNumber}/`, {
        method: "HEAD",
        headers,
        cache: "no-store",
      });
      if (!response.ok) throw refusalOf(response.status, undefined);
      if (response.headers.get("Content-Type") !== HTJ2K) return null;
      return Number(response.headers.get("Content-Length")) || null;
    },
    watch(listener) {
      if (typeof PerformanceObserver !== "function") return () => undefined;
      const observer = new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as PerformanceResourceTiming[]) {
          const { name, transferSize, encodedBodySize: bytes, responseStart, responseEnd } = entry;
          // What comes out of the browser's cache was not sent, and tells nothing of the link.
          if (!name.includes(frames) || !transferSize || !bytes) continue;
          listener({ bytes, startMs: responseStart, endMs: responseEnd });
        }
      });
      observer.observe({ type: "resource" });
      return () => observer.disconnect();
    },
  };
}

/** Start the decoder: only now are its script and its WebAssembly fetched. */
export function openDecoder(): WorkerDecoder {
  // Vite makes the worker's bundle of this expression and of no other.
  const worker = new Worker(new URL("../../editor/transport/decoder.worker.ts", import.meta.url), {
    type: "module",
    name: "htj2k",
  });
  return new WorkerDecoder(worker);
}
