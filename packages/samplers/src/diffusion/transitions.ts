import { transitionColumns } from "@mmgen/core";
import { type SteppedKernel, shareLine } from "./kernels.js";

/** Shares of codes by time, `[steps + 1]` each; at time 0 all are untouched. */
export interface CumulativeShares {
  /** Share that no step has touched, ᾱ. */
  readonly untouched: Float64Array;
  /** Share that is masked, γ̄. */
  readonly masked: Float64Array;
}

/** Shares after each step of a kernel. */
export function cumulativeShares(kernel: SteppedKernel): CumulativeShares {
  const { steps } = kernel;
  if (kernel.type === "mask-and-replace") {
    return { untouched: shareLine(kernel.untouched, steps, 1), masked: shareLine(kernel.masked, steps, 0) };
  }
  return { untouched: untouchedShares(kernel.schedule, steps), masked: new Float64Array(steps + 1) };
}

/** Least share of codes that a step leaves untouched. */
const minStay = 1e-3;

function untouchedShares(schedule: "cosine" | "linear", steps: number): Float64Array {
  const quarter = (t: number) => Math.cos(((t / steps + 0.008) / 1.008) * (Math.PI / 2));
  const share = (t: number) => (schedule === "cosine" ? quarter(t) / quarter(0) : 1 - t / steps);
  const untouched = new Float64Array(steps + 1).fill(1);
  for (let t = 1; t <= steps; t++) {
    // The last share would be 0, and the posterior a quotient of zeros.
    untouched[t] = untouched[t - 1]! * Math.max(minStay, share(t) / share(t - 1));
  }
  return untouched;
}

/**
 * Writes the shares of the step from time `s` to `t > s`, of all steps up to `s`, and of all up to `t`.
 *
 * @param out - `[transitionColumns]`; filled.
 */
export function writeTransitions(shares: CumulativeShares, s: number, t: number, out: Float32Array): void {
  const { untouched, masked } = shares;
  const stay = untouched[t]! / untouched[s]!;
  const mask = 1 - (1 - masked[t]!) / (1 - masked[s]!);
  [
    [stay, mask],
    [untouched[s]!, masked[s]!],
    [untouched[t]!, masked[t]!],
  ].forEach(([stay, mask], i) => {
    out.set([stay!, Math.max(0, 1 - stay! - mask!), mask!], 3 * i);
  });
}

/** {@link writeTransitions} for each pair of times, `[pairs, transitionColumns]`. */
export function transitionTable(shares: CumulativeShares, pairs: readonly (readonly [s: number, t: number])[]) {
  const table = new Float32Array(pairs.length * transitionColumns);
  pairs.forEach(([s, t], i) => {
    writeTransitions(shares, s, t, table.subarray(i * transitionColumns, (i + 1) * transitionColumns));
  });
  return table;
}
