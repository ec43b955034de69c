/** The next step of a sum in stages. */
export type SumStage =
  /** Few enough terms: one reduction over the given axes of `shape`. */
  | { readonly kind: "single"; readonly shape: readonly number[]; readonly axes: readonly number[] }
  /** Reduces the last axis of `axes` first. */
  | { readonly kind: "split"; readonly shape: readonly number[]; readonly axes: readonly number[] }
  /** Sums the first `size` entries along `axis` by themselves, because their number divides better. */
  | { readonly kind: "cut"; readonly shape: readonly number[]; readonly axis: number; readonly size: number };

/**
 * Terms of one stage. ONNX Runtime adds rows one after the other, and elements of a row in several partial sums; with so
 * few terms the relative error stays below 1e-5 even for equal numbers, the worst case.
 */
const stage = { rows: 1024, elements: 8192 };

/** Terms of a first stage, about: with so many ONNX Runtime is fastest, and the second stage rarely needs a third. */
const stageSize = 256;

/** Whether the float32 sum of a tensor along axes, each in `[0, rank)`, is so long that it needs stages. */
export function isLongSum(shape: readonly number[], axes: readonly number[]): boolean {
  return nextSumStage(shape, axes).kind !== "single";
}

/**
 * Decides how to go on with a sum in stages: at once where the terms are few, else in two or more stages.
 *
 * Axes of size 1 are dropped and neighboring axes joined, as they lie in memory, so every shape returned has the same
 * elements in the same order.
 *
 * @param shape - Sizes of the tensor.
 * @param axes - Axes to add along, each in `[0, rank)`.
 */
export function nextSumStage(shape: readonly number[], axes: readonly number[]): SumStage {
  const joined = joinAxes(shape, axes);
  const last = joined.axes.at(-1);
  if (last === undefined || !exceedsStage(joined)) {
    return { kind: "single", shape, axes };
  }
  const size = joined.shape[last]!;
  if (joined.axes.length > 1) {
    return { kind: "split", ...joined };
  }
  const first = divisorNear(size, stageSize);
  if (first === undefined) {
    return { kind: "cut", shape: joined.shape, axis: last, size: size - (size % stageSize) };
  }
  const parts = [...joined.shape.slice(0, last), size / first, first, ...joined.shape.slice(last + 1)];
  return { kind: "split", shape: parts, axes: [last, last + 1] };
}

function exceedsStage({ shape, axes }: Joined): boolean {
  const terms = axes.reduce((product, axis) => product * shape[axis]!, 1);
  const isInner = axes.length === 1 && axes[0] === shape.length - 1;
  return terms > (isInner ? stage.elements : stage.rows);
}

/** A shape in which no two neighboring axes are both reduced or both kept, and its reduced axes. */
interface Joined {
  readonly shape: readonly number[];
  readonly axes: readonly number[];
}

function joinAxes(shape: readonly number[], axes: readonly number[]): Joined {
  const joined: number[] = [];
  const reduced: number[] = [];
  let lastIsReduced: boolean | undefined;
  shape.forEach((size, axis) => {
    if (size === 1) {
      return;
    }
    const isReduced = axes.includes(axis);
    if (isReduced === lastIsReduced) {
      joined[joined.length - 1]! *= size;
      return;
    }
    lastIsReduced = isReduced;
    joined.push(size);
    if (isReduced) {
      reduced.push(joined.length - 1);
    }
  });
  return { shape: joined, axes: reduced };
}

/** The divisor of `size` closest to `wanted` by ratio, between an eighth and twice of it; undefined if there is none. */
function divisorNear(size: number, wanted: number): number | undefined {
  let best: number | undefined;
  const distance = (divisor: number) => Math.abs(Math.log(divisor / wanted));
  for (let divisor = wanted / 8; divisor <= wanted * 2; divisor++) {
    if (size % divisor === 0 && (best === undefined || distance(divisor) < distance(best))) {
      best = divisor;
    }
  }
  return best;
}
