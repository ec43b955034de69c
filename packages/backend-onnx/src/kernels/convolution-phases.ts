import type { Window } from "./window.js";

/** A convolution along one axis. */
export interface Phase {
  /** Places of the filter along the axis, in the order in which they meet the gradient. */
  readonly taps: readonly number[];
  readonly before: number;
  readonly after: number;
}

/** For each remainder of an input position by the stride, the convolution that computes its gradient. */
export function phasesOf(window: Window, axis: number): Phase[] | undefined {
  const [stride, size, first] = [window.strides[axis]!, window.filter[axis]!, window.before[axis]!];
  const [input, output] = [window.input[axis]!, window.output[axis]!];
  if (window.dilations[axis] !== 1 || input % stride !== 0 || size < stride) {
    return undefined;
  }
  const phases = Array.from({ length: stride }, (_, remainder): Phase => {
    const start = (remainder + first) % stride;
    const count = Math.ceil((size - start) / stride);
    const before = count - 1 - (remainder + first - start) / stride;
    const taps = Array.from({ length: count }, (_, i) => start + stride * (count - 1 - i));
    return { taps, before, after: input / stride - output - before + count - 1 };
  });
  return phases.every(({ before, after }) => before >= 0 && after >= 0) ? phases : undefined;
}
