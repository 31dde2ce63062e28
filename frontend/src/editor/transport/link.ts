/** How fast the link is, from the bodies that came over it. */

/** A body that came over the network: its bytes as they were sent, and when the first and the last of them came. */
export interface Body {
  bytes: number;
  startMs: number;
  endMs: number;
}

const REMEMBERED = 24;
const FEWEST = 6;

export class LinkMeter {
  private readonly bodies: Body[] = [];

  add(body: Body): void {
    this.bodies.push(body);
    if (this.bodies.length > REMEMBERED) this.bodies.shift();
  }

  /**
   * Bytes a millisecond while any body was on its way, null before enough have come. Several share the link, so the
   * time is that of all of them together; the wait for a first byte is the server's and the distance's, and left out.
   */
  get speed(): number | null {
    if (this.bodies.length < FEWEST) return null;
    let [bytes, ms, until] = [0, 0, Number.NEGATIVE_INFINITY];
    for (const body of this.bodies.toSorted((a, b) => a.startMs - b.startMs)) {
      bytes += body.bytes;
      ms += Math.max(0, body.endMs - Math.max(body.startMs, until));
      until = Math.max(until, body.endMs);
    }
    return ms > 0 ? bytes / ms : Number.POSITIVE_INFINITY;
  }
}
