import { describe, expect, it } from "vitest";
import { resolveKernel, type SteppedKernel } from "./kernels.js";
import { posterior, readTransition } from "./posterior.js";
import { cumulativeShares, transitionTable } from "./transitions.js";

const codes = 3;

/** Matrices over the codes and the mask, row by original, of each step by itself. */
function stepMatrices({ untouched, masked }: ReturnType<typeof cumulativeShares>): number[][][] {
  return Array.from({ length: untouched.length - 1 }, (_, i) => {
    const stay = untouched[i + 1]! / untouched[i]!;
    const mask = 1 - (1 - masked[i + 1]!) / (1 - masked[i]!);
    const codeRow = (k: number) => [
      ...Array.from({ length: codes }, (_, j) => (1 - stay - mask) / codes + (j === k ? stay : 0)),
      mask,
    ];
    return [...Array.from({ length: codes }, (_, k) => codeRow(k)), [0, 0, 0, 1]];
  });
}

const multiply = (matrices: number[][][]) =>
  matrices.reduce(
    (a, b) => a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0))),
    Array.from({ length: codes + 1 }, (_, i) => Array.from({ length: codes + 1 }, (_, j) => (i === j ? 1 : 0))),
  );

describe("posterior", () => {
  const p = Float64Array.of(0.5, 0.2, 0.3);

  it.each([
    ["uniform", resolveKernel({ type: "uniform", steps: 6 })],
    [
      "mask-and-replace",
      resolveKernel({ type: "mask-and-replace", steps: 6, untouched: [0.9, 0.1], masked: [0.05, 0.5] }),
    ],
  ] as const)(
    "equals Bayes' rule with the product of all steps' matrices, also over many steps: %s",
    (type, kernel) => {
      const shares = cumulativeShares(kernel as SteppedKernel);
      const matrices = stepMatrices(shares);
      for (const [s, t] of [
        [0, 1],
        [1, 2],
        [3, 6],
        [0, 4],
        [5, 6],
      ] as const) {
        const [before, between, after] = [
          multiply(matrices.slice(0, s)),
          multiply(matrices.slice(s, t)),
          multiply(matrices.slice(0, t)),
        ];
        for (const current of type === "uniform" ? [0, 1, 2] : [0, 1, 2, 3]) {
          const expected = Array.from({ length: codes + 1 }, (_, j) =>
            p.reduce(
              (sum, share, k) => sum + (share * between[j]![current]! * before[k]![j]!) / after[k]![current]!,
              0,
            ),
          );
          const out = new Float64Array(codes);
          const row = readTransition(transitionTable(shares, [[s, t]]), 0);
          const masked = posterior(row, current === codes ? -1 : current, p, out);
          // The table is float32.
          [...out, masked].forEach((value, j) => {
            expect(value).toBeCloseTo(expected[j]!, 6);
          });
        }
      }
    },
  );

  it("is not what comes of leaving out the quotient and normalizing at the end", () => {
    const shares = cumulativeShares(resolveKernel({ type: "uniform", steps: 4 }) as SteppedKernel);
    const { step, before } = readTransition(transitionTable(shares, [[1, 2]]), 0);
    const forward = (j: number) => (j === 0 ? step.stay : 0) + step.replace / codes;
    const wrong = Array.from(p, (share, j) => forward(j) * (before.stay * share + before.replace / codes));
    const total = wrong.reduce((a, b) => a + b);
    const out = new Float64Array(codes);
    posterior(readTransition(transitionTable(shares, [[1, 2]]), 0), 0, p, out);
    expect(Math.abs(out[0]! - wrong[0]! / total)).toBeGreaterThan(0.05);
  });
});
