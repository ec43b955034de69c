import * as tf from "@tensorflow/tfjs-core";

/** What a rule computes with. */
export interface RuleCall<Attributes> {
  /** The gradient of the kernel's first output. */
  readonly dy: tf.Tensor;
  /** The gradients of all its outputs. */
  readonly dys: readonly tf.Tensor[];
  /** The inputs and outputs that the rule asked for, inputs first. */
  readonly saved: readonly tf.Tensor[];
  readonly attributes: Attributes;
}

/** The gradient of one kernel. */
export interface Rule<Attributes> {
  /** Names of the inputs to save, those that may be missing last; `"all"` where the kernel takes a list. */
  readonly inputs?: readonly string[] | "all";
  /** Which of the outputs to save. */
  readonly outputs?: readonly boolean[];
  /** The gradient of each input by name; each float32 and shaped as its input. */
  gradients(call: RuleCall<Attributes>): Readonly<Record<string, () => tf.Tensor>>;
}

/**
 * Makes the configuration for `tf.registerGradient` of a rule.
 *
 * Rules compute with functions of tfjs-core, never with methods such as `x.reshape`: those exist only where somebody
 * registered them.
 */
export function rule<Attributes>(
  kernelName: string,
  { inputs = [], outputs = [], gradients }: Rule<Attributes>,
): tf.GradConfig {
  return {
    kernelName,
    ...(inputs === "all" ? { saveAllInputs: true } : { inputsToSave: namesOfGiven(inputs) }),
    outputsToSave: [...outputs],
    gradFunc: (gradient, saved, attributes) => {
      // tfjs passes a list only where there are two outputs or more.
      const dys = Array.isArray(gradient) ? gradient : [gradient];
      return gradients({ dy: dys[0]!, dys, saved, attributes: attributes as Attributes });
    },
  };
}

/**
 * tfjs looks up the inputs to save by `names.map(lookUp)` and cannot save one that is missing: this list leaves it out.
 */
function namesOfGiven(names: readonly string[]): string[] {
  const map = <T>(lookUp: (name: string, index: number, all: string[]) => T): T[] =>
    names.map((name, i) => lookUp(name, i, [...names])).filter((input) => input !== undefined);
  return Object.assign([...names], { map });
}

/** Sums `gradient` over the axes along which an operand of shape `shape` was broadcast. */
export function sumTo(gradient: tf.Tensor, shape: readonly number[]): tf.Tensor {
  const lead = gradient.rank - shape.length;
  const axes = gradient.shape.flatMap((size, axis) =>
    axis < lead || (shape[axis - lead] === 1 && size !== 1) ? [axis] : [],
  );
  return tf.reshape(axes.length > 0 ? tf.sum(gradient, axes) : gradient, [...shape]);
}

/** Runs a kernel that no function of tfjs-core's index calls. */
export function runKernel(kernelName: string, inputs: Record<string, tf.Tensor>, attributes: object): tf.Tensor {
  return tf.engine().runKernel(kernelName, inputs, attributes as tf.NamedAttrMap);
}

/** An axis counted from the front. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
