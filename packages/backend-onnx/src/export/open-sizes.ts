import { ConfigError, quote } from "@mmgen/core";
import { attributesKey, type LazyNode, type LazyValue, sourcesOf } from "../graph/lazy-value.js";
import { bodyNumberRange } from "../graph/plan.js";
import type { HostArray } from "../runtime/element-type.js";
import { type ArrayFormula, fitArray } from "./array-formula.js";
import type { ExportConfig } from "./export-options.js";
import type { Recording } from "./record-function.js";
import { fitFormula, formulaName, type SizeSample } from "./size-formula.js";

/** An axis of an input whose size is open. */
export interface OpenAxis {
  readonly input: string;
  readonly axis: number;
}

/** The open sizes of a function: where their numbers come from, and with which the function is recorded. */
export interface OpenSizes {
  /** By name; the first axis is the one to read a size from. */
  readonly axes: ReadonlyMap<string, readonly OpenAxis[]>;
  /** One for each recording; a function without open sizes is recorded once. */
  readonly samples: readonly SizeSample[];
}

/** Not divisible by each other nor likely to be sizes of a model, and different in every quotient that it might take. */
const defaultSamples = [
  [31, 46, 73],
  [29, 62, 67],
  [37, 74, 83],
  [41, 82, 97],
  [43, 86, 101],
] as const;

/**
 * Finds the open sizes among the inputs' shapes.
 *
 * @throws a {@link ConfigError} when there are too many, or `openSizes` has numbers for another one.
 */
export function findOpenSizes({ inputs, openSizes = {} }: ExportConfig): OpenSizes {
  const axes = new Map<string, OpenAxis[]>();
  for (const [input, { shape }] of Object.entries(inputs)) {
    for (const [axis, size] of shape.entries()) {
      if (typeof size === "string") {
        axes.set(size, [...(axes.get(size) ?? []), { input, axis }]);
      }
    }
  }
  const unknown = Object.keys(openSizes).find((name) => !axes.has(name));
  if (unknown !== undefined) {
    throw new ConfigError(`openSizes: no input has a size named ${quote(unknown)}.`);
  }
  if (axes.size > defaultSamples.length) {
    throw new ConfigError(
      `inputs: expected at most ${defaultSamples.length} open sizes, got ${axes.size}: ${[...axes.keys()].map(quote).join(", ")}.`,
    );
  }
  const numbersOf = (name: string, i: number) =>
    Object.hasOwn(openSizes, name) ? openSizes[name]! : defaultSamples[i]!;
  const recordings = axes.size === 0 ? [0] : [0, 1, 2];
  const samples = recordings.map((at) => new Map([...axes.keys()].map((name, i) => [name, numbersOf(name, i)[at]!])));
  return { axes, samples };
}

/** How recordings of one function with different numbers for its open sizes differ. */
export interface Differences {
  /** What gives the elements of constants and uploads for any sizes. */
  readonly formulas: ReadonlyMap<LazyValue, ArrayFormula>;
  /** Targets of reshapes of which ONNX infers one place, −1. */
  readonly targets: ReadonlyMap<LazyValue, HostArray>;
  /** The shape of a value of the first recording, with names for open sizes. */
  shapeOf(value: LazyValue): readonly (number | string)[];
}

/**
 * Compares the recordings of one function: what differs depends on the open sizes.
 *
 * @throws a {@link ConfigError} when the recordings have different operators or attributes, or elements that no formula
 *   gives; it names the sizes and the operator.
 */
export async function compareRecordings(recordings: readonly Recording[], sizes: OpenSizes): Promise<Differences> {
  const pairs = pairRecordings(recordings, sizes);
  const formulas = new Map<LazyValue, ArrayFormula>();
  const targets = new Map<LazyValue, HostArray>();
  for (const [value, { twins, op, isTarget }] of pairs.sources) {
    const arrays = await Promise.all(twins.map(({ resident }) => resident!.host ?? resident!.download()));
    const formula = fitArray(
      twins.map(({ shape }, i) => ({ shape, elements: arrays[i]! })),
      sizes.samples,
    );
    if (formula === undefined) {
      return refuse(op, sizes);
    }
    const target = isTarget ? inferredTarget(arrays) : undefined;
    if (target !== undefined) {
      targets.set(value, target);
    } else if (formula !== "same") {
      formulas.set(value, formula);
    }
  }
  return { formulas, targets, shapeOf: (value) => openShape(pairs.twins.get(value) ?? [value], sizes) };
}

interface Source {
  readonly twins: readonly LazyValue[];
  /** The first operator that reads it. */
  readonly op: string;
  /** Whether it is read as the target of reshapes alone. */
  isTarget: boolean;
}

interface Pairs {
  /** Constants and uploads that are not the same tensor in all recordings. */
  readonly sources: Map<LazyValue, Source>;
  /** Each value of the first recording with those of the others. */
  readonly twins: Map<LazyValue, readonly LazyValue[]>;
}

function pairRecordings(recordings: readonly Recording[], sizes: OpenSizes): Pairs {
  const pairs: Pairs = { sources: new Map(), twins: new Map() };
  const [first, ...others] = recordings;
  for (const [name, value] of first!.inputs) {
    pairs.twins.set(value, [value, ...others.map(({ inputs }) => inputs.get(name)!)]);
  }
  const pairSource = (values: readonly (LazyValue | undefined)[], op: string, isTarget: boolean) => {
    const [value] = values;
    if (values.some((other) => place(other) !== place(value))) {
      refuse(op, sizes);
    }
    const twins = values as readonly LazyValue[];
    if (value === undefined || twins.every((other) => isSame(other, value))) {
      return;
    }
    if (twins.some((other) => isComputed(other) || other.type !== value.type)) {
      refuse(op, sizes);
    }
    const known = pairs.sources.get(value);
    if (known === undefined) {
      pairs.sources.set(value, { twins, op, isTarget });
    } else {
      known.isTarget &&= isTarget;
    }
  };
  const pairNodes = (nodes: readonly (readonly LazyNode[])[]) => {
    for (const [at, node] of nodes[0]!.entries()) {
      const alike = nodes.map((each) => each[at]);
      if (!alike.every((other) => isAlike(node, other))) {
        refuse(node.op, sizes);
      }
      const twins = alike as readonly LazyNode[];
      for (const [i, value] of node.outputs.entries()) {
        pairs.twins.set(
          value,
          twins.map(({ outputs }) => outputs[i]!),
        );
      }
      for (const i of sourcesOf(node).keys()) {
        // What a body captures is read by the body's own nodes.
        if (i < node.inputs.length) {
          const values = twins.map((twin) => twin.inputs[i]);
          pairSource(values, node.op, node.op === "Reshape" && i === 1);
        }
      }
      if (node.body !== undefined) {
        for (const [i, value] of node.body.inputs.entries()) {
          pairs.twins.set(
            value,
            twins.map(({ body }) => body!.inputs[i]!),
          );
        }
        pairNodes(twins.map(({ body }) => body!.nodes));
      }
    }
  };
  pairNodes(recordings.map(({ plan }) => plan.nodes));
  if (new Set(recordings.map(({ plan }) => plan.nodes.length)).size > 1) {
    refuse(first!.plan.nodes.at(-1)!.op, sizes);
  }
  return pairs;
}

/** Whether two nodes do the same; their inputs are compared by themselves. */
function isAlike(node: LazyNode, other: LazyNode | undefined): boolean {
  return (
    other !== undefined &&
    node.op === other.op &&
    attributesKey(node.attributes) === attributesKey(other.attributes) &&
    node.outputs.length === other.outputs.length &&
    node.body?.nodes.length === other.body?.nodes.length &&
    node.body?.inputs.length === other.body?.inputs.length
  );
}

/** Where a value stands in its plan; bodies are numbered through all plans. */
function place(value: LazyValue | undefined): string | undefined {
  return value && `${value.number >= bodyNumberRange} ${value.number % bodyNumberRange}`;
}

/** Whether a value is computed or fed when the model runs. */
function isComputed(value: LazyValue): boolean {
  return value.producer !== undefined || value.resident === undefined;
}

/** Whether a source of one recording stands for that of another without a look at its elements. */
function isSame(value: LazyValue, other: LazyValue): boolean {
  const isComputedHere = isComputed(value);
  return (
    value === other ||
    (isComputedHere && isComputed(other)) ||
    (!isComputedHere &&
      value.shape.join() === other.shape.join() &&
      ((value.base !== undefined && value.base === other.base) ||
        (value.constantKey !== undefined && value.constantKey === other.constantKey)))
  );
}

/** The target of a reshape with −1 in its only place that differs; undefined if there is no such place. */
function inferredTarget(targets: readonly HostArray[]): HostArray | undefined {
  const [values, ...others] = targets as readonly BigInt64Array[];
  const places = Array.from(values!.keys()).filter((at) => others.some((other) => other[at] !== values![at]));
  return places.length === 1 ? values!.with(places[0]!, -1n) : undefined;
}

function openShape(twins: readonly LazyValue[], { samples }: OpenSizes): readonly (number | string)[] {
  return twins[0]!.shape.map((_, axis) => {
    const size = fitFormula(
      twins.map(({ shape }) => shape[axis]!),
      samples,
      true,
    );
    // Equal names are equal sizes to a reader.
    const own = `size${twins[0]!.number}_${axis}`;
    return size === undefined ? own : typeof size === "number" ? size : formulaName(size);
  });
}

function refuse(op: string, { axes }: OpenSizes): never {
  const described = [...axes].map(([name, places]) => {
    const where = places.map(({ input, axis }) => `axis ${axis} of input ${input}`).join(", ");
    return `the size ${quote(name)} (${where})`;
  });
  throw new ConfigError(
    `exportOnnx: expected ${described.join(" and ")} to stay open, but the operator ${op} of this function takes numbers ` +
      "that depend on it in a way that is no product of sizes, or is there for some sizes alone. Compute them from " +
      "tensors, or pass a number as the size.",
  );
}
