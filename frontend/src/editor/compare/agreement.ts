/** How far a reading and the other side agree, for each label and frame, measured once for each pair of masks. */

import { decodeMask } from "../codec";
import type { ReadingDocument } from "../document";
import { diceOf } from "./overlap";
import { identityOf, type Side } from "./sides";

export type Verdict =
  /** `isSame`: not a pixel differs. */
  | { kind: "dice"; dice: number; isSame: boolean }
  | { kind: "both-empty" | "only-here" | "only-there" | "neither" | "unknown" };

const UNKNOWN: Verdict = { kind: "unknown" };

export class Agreement {
  private readonly known = new Map<string, { here: number; there: number; verdict: Verdict }>();

  constructor(
    private readonly document: ReadingDocument,
    private readonly side: Side,
  ) {}

  /** What is known of a label on a frame, be it of masks that have changed since. */
  last(labelIndex: number, frameIndex: number): Verdict {
    return this.known.get(`${labelIndex}:${frameIndex}`)?.verdict ?? UNKNOWN;
  }

  /** Whether what is known of a frame is of the masks as they are; what the other side forgot counts as it was. */
  isFresh(frameIndex: number): boolean {
    if (!this.side.wasKnown(frameIndex)) return false;
    const isHere = this.side.isKnown(frameIndex);
    return this.document.labels.every(({ index }) => {
      const known = this.known.get(`${index}:${frameIndex}`);
      const here = identityOf(this.document.entry(index, frameIndex)?.data);
      if (!known || known.here !== here || known.verdict.kind === "unknown") return false;
      return !isHere || known.there === identityOf(this.side.mask(index, frameIndex)?.data);
    });
  }

  /** Compare a label on a frame now. */
  measure(labelIndex: number, frameIndex: number): Verdict {
    const key = `${labelIndex}:${frameIndex}`;
    const own = this.document.entry(labelIndex, frameIndex);
    const other = this.side.mask(labelIndex, frameIndex);
    const [here, there] = [identityOf(own?.data), identityOf(other?.data)];
    const known = this.known.get(key);
    if (known?.here === here && known.there === there && known.verdict.kind !== "unknown")
      return known.verdict;
    if (!other && !this.side.isKnown(frameIndex)) return UNKNOWN;
    const verdict = this.compare(own, other);
    this.known.set(key, { here, there, verdict });
    return verdict;
  }

  private compare(own: Compared | undefined, other: Compared | undefined): Verdict {
    if (!own || !other) return { kind: own ? "only-here" : other ? "only-there" : "neither" };
    if (own.area === 0 && other.area === 0) return { kind: "both-empty" };
    if (own.data === other.data) return { kind: "dice", dice: 1, isSame: true };
    if (own.area === 0 || other.area === 0) return { kind: "dice", dice: 0, isSame: false };
    const dice = diceOf(decodeMask(own.data), decodeMask(other.data));
    return { kind: "dice", dice, isSame: dice === 1 };
  }

  /** Mean Dice of a label over the frames compared so far, and how many they are. */
  mean(labelIndex: number, frameCount: number): { dice: number; frames: number } {
    let [sum, frames] = [0, 0];
    for (let frame = 0; frame < frameCount; frame++) {
      const verdict = this.last(labelIndex, frame);
      if (verdict.kind !== "dice") continue;
      sum += verdict.dice;
      frames += 1;
    }
    return { dice: frames ? sum / frames : Number.NaN, frames };
  }
}

interface Compared {
  data: Uint8Array;
  area: number;
}
