import type { HostArray } from "../runtime/element-type.js";
import { evaluate, fitFormula, type SizeFormula, type SizeSample } from "./size-formula.js";

/** What gives the elements of an array that depends on open sizes. */
export type ArrayFormula = ElementFormulas | ProgressionFormula;

/** An array of fixed shape, element by element. */
export interface ElementFormulas {
  readonly kind: "elements";
  readonly shape: readonly number[];
  readonly elements: readonly (number | SizeFormula)[];
}

/** The numbers `start, start + step, …`, as many as the shape asks for. */
export interface ProgressionFormula {
  readonly kind: "progression";
  readonly shape: readonly (number | SizeFormula)[];
  readonly start: number | SizeFormula;
  readonly step: number | SizeFormula;
}

/** An array as one recording has it. */
export interface RecordedArray {
  readonly shape: readonly number[];
  readonly elements: HostArray;
}

/** An array of more elements is only compared. */
const maxFormulas = 4096;

/**
 * Finds how an array depends on the open sizes.
 *
 * @param arrays - One for each sample.
 * @returns `"same"` where all are equal; `undefined` where no formula gives all of them.
 */
export function fitArray(
  arrays: readonly RecordedArray[],
  samples: readonly SizeSample[],
): ArrayFormula | "same" | undefined {
  const lists = arrays.map(({ elements }) => elements as ArrayLike<number | bigint>);
  const areIntegers = !(arrays[0]!.elements instanceof Float32Array) && !(arrays[0]!.elements instanceof Float64Array);
  const [{ shape }] = arrays as readonly [RecordedArray];
  if (arrays.some((other) => other.shape.join() !== shape.join())) {
    return fitProgression(arrays, samples, areIntegers);
  }
  const isEqual = (at: number) => lists.every((other) => Object.is(other[at], lists[0]![at]));
  const places = Array.from({ length: lists[0]!.length }, (_, at) => at);
  if (places.every(isEqual)) {
    return "same";
  }
  if (places.length > maxFormulas) {
    return undefined;
  }
  const elements: (number | SizeFormula)[] = [];
  for (const at of places) {
    const formula = fitFormula(
      lists.map((list) => Number(list[at])),
      samples,
      areIntegers,
    );
    if (formula === undefined) {
      return undefined;
    }
    elements.push(formula);
  }
  return { kind: "elements", shape, elements };
}

function fitProgression(
  arrays: readonly RecordedArray[],
  samples: readonly SizeSample[],
  areIntegers: boolean,
): ProgressionFormula | undefined {
  const lists = arrays.map(({ elements }) => Array.from(elements as ArrayLike<number | bigint>, Number));
  if (lists.some((list) => list.length < 2)) {
    return undefined;
  }
  const start = fitFormula(
    lists.map((list) => list[0]!),
    samples,
    areIntegers,
  );
  const step = fitFormula(
    lists.map((list) => list[1]! - list[0]!),
    samples,
    areIntegers,
  );
  const rank = arrays[0]!.shape.length;
  const shape = Array.from({ length: rank }, (_, axis) =>
    fitFormula(
      arrays.map((array) => array.shape[axis]!),
      samples,
      true,
    ),
  );
  if (start === undefined || step === undefined || arrays.some((array) => array.shape.length !== rank)) {
    return undefined;
  }
  const fits = lists.every((list, i) => {
    const [first, by] = [evaluate(start, samples[i]!), evaluate(step, samples[i]!)];
    const round = areIntegers ? Number : Math.fround;
    return list.every((element, at) => element === round(first + at * by));
  });
  return fits && shape.every((size) => size !== undefined)
    ? { kind: "progression", shape: shape as (number | SizeFormula)[], start, step }
    : undefined;
}
