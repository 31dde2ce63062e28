/**
 * What fingers and a pen mean. One finger is the chosen tool, until a pen has been seen: then the pen is the tool and a
 * finger pans. A second finger gives up what the first began, and both move and zoom the image. While the pen is down,
 * and until they are lifted, all fingers are the palm of a hand.
 */

import { type PinchStep, pinchStep, type Spot } from "./pinch";

export type Order =
  | { do: "begin"; as: "tool" | "pan" }
  | { do: "drag" }
  | { do: "end" }
  | { do: "giveUp" }
  | ({ do: "pinch" } & PinchStep);

export interface Contact extends Spot {
  id: number;
  kind: "touch" | "pen";
}

export class Contacts {
  private penSeen = false;
  private pen: number | null = null;
  /** The fingers that count, at most two. */
  private readonly fingers = new Map<number, Spot>();
  /** Whether the finger that is left of a pinch still lies there. */
  private isSpent = false;

  /** Something touches the image. */
  down(contact: Contact): Order[] {
    if (contact.kind === "pen") return this.penDown(contact);
    const spot = { x: contact.x, y: contact.y };
    if (this.pen !== null || this.fingers.size >= 2 || this.isSpent) return [];
    this.fingers.set(contact.id, spot);
    if (this.fingers.size === 2) return [{ do: "giveUp" }];
    return [{ do: "begin", as: this.penSeen ? "pan" : "tool" }];
  }

  move({ id, x, y }: Contact): Order[] {
    if (this.pen === id) return [{ do: "drag" }];
    const known = this.fingers.get(id);
    if (!known) return [];
    if (this.fingers.size === 1) return this.isSpent ? [] : [{ do: "drag" }];
    const before = this.pair();
    this.fingers.set(id, { x, y });
    return [{ do: "pinch", ...pinchStep(before, this.pair()) }];
  }

  /** Something is lifted, or taken away by the browser (`lost`): then it leaves nothing behind. */
  up({ id }: Contact, lost = false): Order[] {
    const order: Order = { do: lost ? "giveUp" : "end" };
    if (this.pen === id) {
      this.pen = null;
      return [order];
    }
    const wasPinch = this.fingers.size === 2;
    if (!this.fingers.delete(id)) return [];
    const wasSpent = this.isSpent;
    // The finger that stays after a pinch draws nothing until it is lifted.
    this.isSpent = wasPinch || (wasSpent && this.fingers.size > 0);
    return wasPinch || wasSpent ? [] : [order];
  }

  private penDown(contact: Contact): Order[] {
    if (this.pen !== null) return [];
    this.penSeen = true;
    this.pen = contact.id;
    const hadFingers = this.fingers.size > 0;
    this.fingers.clear();
    this.isSpent = false;
    return [...(hadFingers ? [{ do: "giveUp" } as const] : []), { do: "begin", as: "tool" }];
  }

  private pair(): [Spot, Spot] {
    const [a, b] = [...this.fingers.values()];
    if (!a || !b) throw new Error("a pinch takes two fingers");
    return [a, b];
  }
}
