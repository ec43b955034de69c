import { expect, it } from "vitest";
import { SwappedSets } from "./swapped-sets.js";

/** A number handed out of a buffer. */
class Handed {
  isReleased = false;
  constructor(public place: { number: number }) {}
  dispose(): void {
    this.isReleased = true;
  }
}

it("what cannot be moved stays where it is, and is lost with its buffer alone", () => {
  const outputs: [[{ number: number }], [{ number: number }]] = [[{ number: 0 }], [{ number: 0 }]];
  let fails = false;
  const sets = new SwappedSets<{ place: { number: number } }, { number: number }, Handed>({
    ...{ links: [0], inputs: [undefined], outputs },
    write: ({ place }, to) => {
      to.number = place.number;
    },
    move: (value) => {
      if (fails) {
        throw new Error("no memory");
      }
      value.place = { ...value.place };
    },
  });
  /** Adds 1 to what the run before handed out. */
  const run = (from: { place: { number: number } }): Handed => {
    const turn = sets.prepare([from]);
    outputs[turn][0].number = from.place.number + 1;
    const handed = new Handed(outputs[turn][0]);
    sets.swap([handed]);
    return handed;
  };
  const first = run({ place: { number: 4 } });
  const second = run(first);
  fails = true;
  expect(() => run(second)).toThrow("no memory");
  expect(sets.living).toEqual([first, second]);
  expect([first.place.number, second.place.number]).toEqual([5, 6]);
  fails = false;
  const third = run(second);
  expect([first, second, third].map(({ place }) => place.number)).toEqual([5, 6, 7]);
  fails = true;
  sets.empty();
  expect([first, second, third].map(({ isReleased }) => isReleased)).toEqual([false, true, true]);
  expect(sets.living).toEqual([]);
});
