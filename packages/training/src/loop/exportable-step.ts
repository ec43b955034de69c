import { ConfigError, describeValue, type LossOptions, type LossResult, type Random } from "@mmgen/core";
import { fields, functionValue, optional, resolveOptions, value } from "@mmgen/core/options";
import type { ExportableFunction, TensorTrainable } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { Optimizer } from "../optimizers/optimizer.js";
import { type LossOfTensors, recordStep } from "./recorded-step.js";

/** Options of {@link exportableTrainingStep}. */
export interface ExportableStepOptions<Aux> {
  /** The model; borrowed. */
  readonly model: Omit<TensorTrainable<never, Aux>, "loss" | "initialize"> & {
    lossTensor?(tensors: never, options: LossOptions): LossResult<tf.Scalar, Aux>;
  };
  /** An optimizer of the model's parameters; borrowed. */
  readonly optimizer: Optimizer;
  /** Shape and type of each tensor of a batch, by name; a size may be a name, `"batch"`, and is open then. */
  readonly inputs: ExportableFunction["inputs"];
  /** The loss of a batch of tensors. Default: the model's `lossTensor`. */
  readonly loss?: LossOfTensors<Aux> | undefined;
}

/** Schemas of {@link ExportableStepOptions}. */
export const exportableStepFields = {
  model: value<ExportableStepOptions<unknown>["model"]>("a model with parameters and buffers", (model) => {
    const { buffers, parameters } = Object(model) as Partial<ExportableStepOptions<unknown>["model"]>;
    return [buffers, parameters].every((map) => Object.prototype.toString.call(map) === "[object Map]");
  }),
  optimizer: value<Optimizer>(
    "an Optimizer of the model's parameters",
    (optimizer) => typeof (Object(optimizer) as Partial<Optimizer>).record === "function",
  ),
  inputs: value<ExportableFunction["inputs"]>(
    'the tensors of a batch, such as { levels: { shape: ["batch", 28, 28, 3], dtype: "int32" } }',
    (inputs) => typeof inputs === "object" && inputs !== null && !Array.isArray(inputs),
  ),
  loss: optional(functionValue<LossOfTensors<unknown>>()),
};
const stepSchema = fields(exportableStepFields);

/**
 * A whole training step as one function, for `exportOnnx` of `@mmgen/backend-onnx`: loss, gradients, optimizer, and what the
 * model updates after a step.
 *
 * Inputs: the batch's tensors; `learningRate`, `[]` float32; `step`, `[]` int32, the number of steps taken before; then, by
 * name, the model's parameters and buffers and the optimizer's state. Outputs: `loss`, `gradientNorm`, the model's metrics,
 * and the new value of `step` and of each variable under `next.<name>`, to be fed to the next step. The first step's are what
 * {@link exportableState} gives.
 *
 * The step draws nothing, and its loss does not depend on its number: a model with dropout, or with a term that ramps up, is
 * refused.
 *
 * @throws a {@link ConfigError} when an option does not fit, or the model has an adversary; from `run`, when the step draws random numbers, or the loss or
 *   the optimizer computes with its number.
 */
export function exportableTrainingStep<Aux>(options: ExportableStepOptions<Aux>): ExportableFunction {
  const { inputs, model, optimizer, ...rest } = resolveOptions(stepSchema, options) as ExportableStepOptions<Aux>;
  const loss = exportableLoss({ inputs, model, ...rest });
  const { buffers, parameters } = model;
  const run = ({ learningRate, step, ...batch }: tf.NamedTensorMap): tf.NamedTensorMap => {
    return tf.tidy(() => {
      const next = tf.add(step!, tf.scalar(1, "int32"));
      const numbers = { learningRate: learningRate as tf.Scalar, step: tf.cast(next, "float32") as tf.Scalar };
      const metrics = recordStep({ model, optimizer, loss }, { batch, ...numbers, random: noRandom });
      return { ...metrics, "next.step": next };
    });
  };
  return {
    run,
    inputs: { ...inputs, ...stepInputs },
    state: new Map([...parameters, ...buffers, ...optimizer.state]),
    metadata: { kind: "mmgen.training-step", ...configurationOf(model) },
  };
}

/** Inputs of every exported step beside its batch and its state. */
export const stepInputs = {
  learningRate: { shape: [], dtype: "float32" },
  step: { shape: [], dtype: "int32" },
} as const;

/**
 * The loss of an exported step.
 *
 * @throws a {@link ConfigError} when there is none, a tensor of the batch has a name that is taken, or the model has an adversary.
 */
export function exportableLoss<Aux>({
  inputs,
  loss,
  model,
}: Omit<ExportableStepOptions<Aux>, "optimizer">): LossOfTensors<Aux> {
  const lossOf = loss ?? (model.lossTensor?.bind(model) as LossOfTensors<Aux> | undefined);
  if (lossOf === undefined) {
    throw new ConfigError("loss: expected a function, as the model has no lossTensor, got undefined.");
  }
  for (const name of Object.keys(stepInputs)) {
    if (Object.hasOwn(inputs, name)) {
      throw new ConfigError(`inputs: "${name}" is an input of every step; give the batch's tensor another name.`);
    }
  }
  if (model.adversary !== undefined) {
    throw new ConfigError(
      "model: expected one network, and this model has an adversary too, which a file of a step cannot train.",
    );
  }
  return lossOf;
}

/**
 * The first state of an exported step as a function without inputs: its outputs `step`, 0, and each variable of the state,
 * with its value at the time of the export, are what the step takes under the same names.
 *
 * @throws a {@link ConfigError} for a function without state.
 */
export function exportableState({ state }: Pick<ExportableFunction, "state">): ExportableFunction {
  if (state === undefined) {
    throw new ConfigError(`state: expected that of a training step, got ${describeValue(state)}.`);
  }
  return {
    run: () => ({
      step: tf.scalar(0, "int32"),
      ...Object.fromEntries([...state].map(([name, variable]) => [name, tf.clone(variable)])),
    }),
    inputs: {},
    metadata: { kind: "mmgen.training-state" },
  };
}

/** A model's configuration as a text, where it has one. */
export function configurationOf(model: object): Record<string, string> {
  const { config } = model as { readonly config?: unknown };
  return config === undefined ? {} : { config: JSON.stringify(config) };
}

/** Stands for a stream of random numbers; drawing from it throws. */
export const noRandom: Random = new Proxy({} as Random, {
  get(_, property) {
    if (property === "fork") {
      return () => noRandom;
    }
    throw new ConfigError(
      `This training step draws random numbers (random.${String(property)}), which a file cannot. Make the model without ` +
        "dropout and without other draws.",
    );
  },
});
