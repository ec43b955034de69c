import { afterEach, describe, expect, it, vi } from "vitest";
import { plainMask } from "./counter-words.js";
import { Random } from "./random.js";
import { type MaskDraw, RepeatedMasks } from "./repeated-masks.js";

const sizes = [200_000, 0, 100, 100_001];

/** What is drawn for a run, 8 bits each. */
function drawsOf(run: number): MaskDraw[] {
  const random = Random.fromSeed(run);
  return sizes.map((_, i) => ({ key: random.counterKey(), share: { bits: 8, below: 26 + i } }));
}

function expectMasks(found: readonly Uint8Array[], draws: readonly MaskDraw[]): void {
  expect(found.map(({ length }) => length)).toEqual(sizes);
  for (const [i, { key, share }] of draws.entries()) {
    expect(Buffer.compare(found[i]!, plainMask(key, share, new Uint8Array(sizes[i]!)))).toBe(0);
  }
}

afterEach(() => vi.restoreAllMocks());

describe("RepeatedMasks", () => {
  it("gives the same bits whether they were expected, others were, or none", () => {
    const masks = new RepeatedMasks(sizes, { ahead: true });
    expectMasks(masks.take(drawsOf(0)), drawsOf(0));
    for (const [expected, asked] of [
      [1, 1],
      [2, 2],
      [3, 9],
      [4, 4],
    ] as const) {
      masks.expect(drawsOf(expected));
      expectMasks(masks.take(drawsOf(asked)), drawsOf(asked));
    }
    masks.dispose();
    expectMasks(masks.take(drawsOf(5)), drawsOf(5));
  });

  it("leaves what was taken as it is while the next are drawn", () => {
    const masks = new RepeatedMasks(sizes, { ahead: true });
    masks.expect(drawsOf(1));
    const taken = masks.take(drawsOf(1));
    masks.expect(drawsOf(2));
    // Those of the next run are complete once they are taken.
    const next = masks.take(drawsOf(2));
    expectMasks(taken, drawsOf(1));
    expectMasks(next, drawsOf(2));
    masks.dispose();
  });

  it("draws masks of more bits, and small ones, as they are asked for", () => {
    const masks = new RepeatedMasks([3, 300_000], { ahead: true });
    const [a, b] = drawsOf(1) as [MaskDraw, MaskDraw];
    const draws = [a, { key: b.key, share: { bits: 16, below: 655 } }] as const;
    masks.expect(draws);
    const [, second] = masks.take(draws);
    expect(Buffer.compare(second!, plainMask(b.key, draws[1].share, new Uint8Array(300_000)))).toBe(0);
    masks.dispose();
  });

  it("draws for itself from then on, once the thread does not answer", () => {
    const masks = new RepeatedMasks(sizes, { ahead: true });
    masks.expect(drawsOf(1));
    vi.spyOn(Atomics, "load").mockReturnValue(0 as never);
    const wait = vi.spyOn(Atomics, "wait").mockReturnValue("timed-out");
    expectMasks(masks.take(drawsOf(1)), drawsOf(1));
    const waits = wait.mock.calls.length;
    masks.expect(drawsOf(2));
    expectMasks(masks.take(drawsOf(2)), drawsOf(2));
    expect(wait).toHaveBeenCalledTimes(waits);
    masks.dispose();
  });

  it("draws for itself where there is one core, or no thread may be started", () => {
    for (const name of ["node:os", "node:worker_threads"]) {
      const { getBuiltinModule } = process;
      vi.spyOn(process, "getBuiltinModule").mockImplementation(((id: string) =>
        id === name ? { availableParallelism: () => 1 } : getBuiltinModule(id)) as typeof getBuiltinModule);
      const masks = new RepeatedMasks(sizes, { ahead: true });
      masks.expect(drawsOf(1));
      expectMasks(masks.take(drawsOf(1)), drawsOf(1));
      masks.dispose();
      vi.restoreAllMocks();
    }
  });
});
