import { describe, expect, it } from "vitest";
import { type Contact, Contacts } from "./contacts";

const finger = (id: number, x = 0, y = 0): Contact => ({ id, kind: "touch", x, y });
const pen = (id: number, x = 0, y = 0): Contact => ({ id, kind: "pen", x, y });
const names = (orders: { do: string }[]) => orders.map((order) => order.do);

describe("Contacts", () => {
  it("draws with one finger", () => {
    const contacts = new Contacts();
    expect(contacts.down(finger(1))).toEqual([{ do: "begin", as: "tool" }]);
    expect(names(contacts.move(finger(1, 5, 5)))).toEqual(["drag"]);
    expect(names(contacts.up(finger(1)))).toEqual(["end"]);
  });

  it("gives up the stroke at the second finger and zooms; the finger that stays draws nothing", () => {
    const contacts = new Contacts();
    contacts.down(finger(1, 0, 0));
    expect(names(contacts.down(finger(2, 100, 0)))).toEqual(["giveUp"]);
    expect(contacts.move(finger(2, 200, 0))).toEqual([
      { do: "pinch", dx: 50, dy: 0, factor: 2, x: 100, y: 0 },
    ]);
    expect(contacts.up(finger(1))).toEqual([]);
    expect(contacts.move(finger(2, 10, 10))).toEqual([]);
    expect(contacts.down(finger(3))).toEqual([]);
    expect(contacts.up(finger(2))).toEqual([]);
    expect(contacts.up(finger(3))).toEqual([]);
    expect(contacts.down(finger(4))).toEqual([{ do: "begin", as: "tool" }]);
  });

  it("does not heed a third finger", () => {
    const contacts = new Contacts();
    contacts.down(finger(1, 0, 0));
    contacts.down(finger(2, 100, 0));
    expect(contacts.down(finger(3, 50, 50))).toEqual([]);
    expect(contacts.move(finger(3, 60, 60))).toEqual([]);
    expect(names(contacts.move(finger(1, 10, 0)))).toEqual(["pinch"]);
  });

  it("pans with a finger once a pen has been seen", () => {
    const contacts = new Contacts();
    expect(contacts.down(pen(9))).toEqual([{ do: "begin", as: "tool" }]);
    expect(names(contacts.up(pen(9)))).toEqual(["end"]);
    expect(contacts.down(finger(1))).toEqual([{ do: "begin", as: "pan" }]);
  });

  it("takes fingers for a palm while the pen is down", () => {
    const contacts = new Contacts();
    contacts.down(pen(9));
    expect(contacts.down(finger(1))).toEqual([]);
    expect(contacts.move(finger(1, 30, 30))).toEqual([]);
    expect(names(contacts.move(pen(9, 4, 4)))).toEqual(["drag"]);
    expect(contacts.up(finger(1))).toEqual([]);
    expect(names(contacts.up(pen(9)))).toEqual(["end"]);
  });

  it("gives up what a palm began when the pen comes down, and does not heed it when the pen is lifted", () => {
    const contacts = new Contacts();
    contacts.down(finger(1));
    expect(contacts.down(pen(9))).toEqual([{ do: "giveUp" }, { do: "begin", as: "tool" }]);
    contacts.up(pen(9));
    expect(contacts.move(finger(1, 30, 30))).toEqual([]);
    expect(contacts.up(finger(1))).toEqual([]);
  });

  it("leaves nothing behind when the browser takes a contact away", () => {
    const contacts = new Contacts();
    contacts.down(finger(1));
    expect(names(contacts.up(finger(1), true))).toEqual(["giveUp"]);
    contacts.down(pen(9));
    expect(names(contacts.up(pen(9), true))).toEqual(["giveUp"]);
  });

  it("begins and ends in turns, whatever comes", () => {
    let seed = 5;
    const random = (count: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * count);
    };
    const contacts = new Contacts();
    const isDown = new Set<number>();
    let open = false;
    for (let step = 0; step < 5000; step++) {
      const id = random(4);
      const contact = id === 0 ? pen(0, random(300), random(300)) : finger(id, random(300), random(300));
      const what = !isDown.has(id) ? "down" : random(2) ? "move" : "up";
      const orders = what === "up" ? contacts.up(contact, random(5) === 0) : contacts[what](contact);
      if (what === "down") isDown.add(id);
      if (what === "up") isDown.delete(id);
      for (const order of orders) {
        if (order.do === "begin") {
          expect(open).toBe(false);
          open = true;
        } else if (order.do === "drag" || order.do === "end") {
          expect(open).toBe(true);
          open = order.do === "drag";
        } else if (order.do === "giveUp") open = false;
        else expect([open, Number.isFinite(order.factor) && order.factor > 0]).toEqual([false, true]);
      }
    }
  });
});
