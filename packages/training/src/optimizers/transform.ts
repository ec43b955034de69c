import { ConfigError } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";

/** Variables by name. */
export type Variables = ReadonlyMap<string, tf.Variable>;

/** The change of one variable in a step: it becomes `variable · (1 − decay) − direction · stepSize`. */
export interface Update {
  /** Shaped as the variable; at first its gradient. */
  readonly direction: tf.Tensor;
  /** At first the learning rate. A plain number, so that any number of scalings cost one multiplication on the device. */
  readonly stepSize: number;
  /** Share of the variable that the step takes away; `undefined` where nothing decays. */
  readonly decay: number | undefined;
}

/** The updates of a step by the names of their variables. */
export type Updates = ReadonlyMap<string, Update>;

/** What a transform may read beside the updates. All of it is borrowed. */
export interface TransformContext {
  readonly variables: Variables;
  /** By the names that {@link GradientTransform.init} gave. */
  readonly state: ReadonlyMap<string, tf.Tensor>;
  /** Counted from 1. */
  readonly step: number;
  /** Of this step. */
  readonly learningRate: number;
  /** The updates before any transform, and the Euclidean norm of all their directions together. */
  readonly gradients: { readonly updates: Updates; readonly norm: tf.Scalar };
  /** A number as a scalar tensor, the same one for equal numbers: a graph then has one input for each. */
  readonly scalar: (value: number) => tf.Scalar;
  /**
   * The number of the step as a tensor, where a step is recorded to run elsewhere ({@link Optimizer.record}). `step` cannot
   * be read then, `learningRate` is 1, and step sizes and decays are multiplied by the rate. Absent: an ordinary step.
   */
  readonly recordedStep?: tf.Scalar;
}

/** What {@link GradientTransform.update} gives. */
export interface TransformResult {
  readonly updates: Updates;
  /** New values of the transform's state; absent where it has none. */
  readonly state?: ReadonlyMap<string, tf.Tensor>;
}

/**
 * One part of an optimizer: a pure function from updates and state to updates and state, variable by variable.
 *
 * Parts are combined with {@link chain} and {@link partition}, and an `Optimizer` holds their state and applies the
 * result. Numbers that change from step to step go to the device as tensors ({@link TransformContext.scalar}), so that a
 * backend that compiles graphs compiles one for all steps.
 *
 * @see The design is that of Optax, https://optax.readthedocs.io
 */
export interface GradientTransform {
  /** Plain data that describes the transform. A checkpoint keeps it, and a resume with another one is refused. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** State before the first step, by names that end in the variable's: `firstMoment.<variable>`. Absent: no state. */
  init?(variables: Variables): ReadonlyMap<string, tf.Tensor>;
  /** Runs within a `tf.tidy`; reads nothing back. */
  update(updates: Updates, context: TransformContext): TransformResult;
}

/**
 * Applies transforms one after the other.
 *
 * @throws a {@link ConfigError} from `init` when two of them keep state under the same name.
 */
export function chain(...transforms: readonly GradientTransform[]): GradientTransform {
  return {
    configuration: { chain: transforms.map(({ configuration = {} }) => configuration) },
    init: (variables) => mergeStates(transforms.map((transform) => transform.init?.(variables))),
    update: (updates, context) => {
      let current = updates;
      const states: TransformResult["state"][] = [];
      for (const transform of transforms) {
        const result = transform.update(current, context);
        current = result.updates;
        states.push(result.state);
      }
      return { updates: current, state: mergeStates(states) };
    },
  };
}

/**
 * Gives each group of variables a transform of its own.
 *
 * @param groupOf - The group of a variable.
 * @param transforms - By group. A group without one keeps its updates: plain gradient descent.
 * @example
 * ```ts
 * import { adamW, chain, clipByGlobalNorm, partition, scale } from "@mmgen/training";
 *
 * // Embeddings learn at a tenth of the rate, under a clipping of their own.
 * partition((name) => (name.startsWith("embedding.") ? "slow" : "rest"), {
 *   slow: chain(adamW({ clipNorm: 0.1 }), scale(0.1)),
 *   rest: adamW({ clipNorm: 1 }),
 * });
 * ```
 */
export function partition<Group extends string>(
  groupOf: (name: string, variable: tf.Variable) => Group,
  transforms: Readonly<Partial<Record<Group, GradientTransform>>>,
): GradientTransform {
  const parts = Object.entries(transforms) as [Group, GradientTransform][];
  const within = <T>(group: Group, map: ReadonlyMap<string, T>, variables: Variables) =>
    new Map([...map].filter(([name]) => groupOf(name, variables.get(name)!) === group));
  return {
    configuration: {
      partition: Object.fromEntries(parts.map(([group, { configuration = {} }]) => [group, configuration])),
    },
    init: (variables) =>
      mergeStates(parts.map(([group, transform]) => transform.init?.(within(group, variables, variables)))),
    update: (updates, context) => {
      const all = new Map(updates);
      const states: TransformResult["state"][] = [];
      for (const [group, transform] of parts) {
        const variables = within(group, context.variables, context.variables);
        // Not a copy: a recorded step has no number to copy.
        const part: TransformContext = Object.create(context, { variables: { value: variables } });
        const result = transform.update(within(group, updates, context.variables), part);
        for (const [name, update] of result.updates) {
          all.set(name, update);
        }
        states.push(result.state);
      }
      return { updates: all, state: mergeStates(states) };
    },
  };
}

function mergeStates(states: readonly TransformResult["state"][]): ReadonlyMap<string, tf.Tensor> {
  const merged = new Map<string, tf.Tensor>();
  for (const [name, tensor] of states.flatMap((state) => [...(state ?? [])])) {
    if (merged.has(name)) {
      throw new ConfigError(
        `Two transforms of this optimizer keep state under the name "${name}". Give each variable one of them (see partition).`,
      );
    }
    merged.set(name, tensor);
  }
  return merged;
}
