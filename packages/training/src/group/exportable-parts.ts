import { ConfigError } from "@mmgen/core";
import { fields, resolveOptions, wholeNumber } from "@mmgen/core/options";
import type { ExportableFunction, StepPart } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import {
  configurationOf,
  type ExportableStepOptions,
  exportableLoss,
  exportableStepFields,
  noRandom,
  stepInputs,
} from "../loop/exportable-step.js";
import { recordedOptions } from "../loop/recorded-step.js";
import { lossAndGradients } from "../loop/training-step.js";

/** Options of {@link exportableStepParts}. */
export interface ExportablePartsOptions<Aux> extends ExportableStepOptions<Aux> {
  /** Parts of a step's batch, as many as there are processes that compute one each. */
  readonly parts: number;
}

/** A training step in two halves, between which its parts are added up. */
export interface ExportableParts {
  /** Of one part. */
  readonly gradients: ExportableFunction;
  /** Of the whole step. */
  readonly update: ExportableFunction;
}

const partsSchema = fields({ ...exportableStepFields, parts: wholeNumber({ min: 1 }) });

/**
 * A training step as two functions, for `exportOnnx` of `@mmgen/backend-onnx`, so that processes with any means of adding up
 * tensors train together, each computing a part of every step's batch.
 *
 * `gradients` takes the tensors of a part and the model's parameters and buffers, and gives `loss`, the model's metrics,
 * `gradient.<parameter>` for every parameter, and `sum.<name>` for what buffers are updated from. Between the two the means
 * of the gradients, by the weights of the parts' targets where these differ, and the totals of the sums are formed over all
 * parts. `update` takes both, `learningRate`, `[]` float32, `step`, `[]` int32, the number of steps taken before, and
 * parameters, buffers and the optimizer's state by name; it gives `gradientNorm`, and the new value of `step` and of each
 * variable under `next.<name>`. `exportableState(update)` gives the first ones.
 *
 * Steps are those of `train` with a `group`, and what draws random numbers is refused as by `exportableTrainingStep`.
 *
 * @throws a {@link ConfigError} as `exportableTrainingStep` does, and for a model that updates buffers only from whole batches.
 */
export function exportableStepParts<Aux>(options: ExportablePartsOptions<Aux>): ExportableParts {
  const resolved = resolveOptions(partsSchema, options) as ExportablePartsOptions<Aux>;
  const { inputs, model, optimizer, parts } = resolved;
  const loss = exportableLoss(resolved);
  const { afterParts, afterStep, buffers, parameters, partSums } = model;
  if (afterStep !== undefined && (partSums === undefined || afterParts === undefined)) {
    throw new ConfigError(
      "model: expected partSums and afterParts, as it updates buffers in afterStep, which for parts has to be divided. " +
        "Use exportableTrainingStep.",
    );
  }
  // Every process runs the same file: no part knows its number, of which only draws and the statistics "first" depend.
  const place: StepPart = { part: 0, parts, statistics: "mean", random: noRandom };
  const gradients = (batch: tf.NamedTensorMap): tf.NamedTensorMap =>
    tf.tidy(() => {
      const kept: tf.Tensor[] = [];
      try {
        const taped = { parameters, buffers, loss };
        const found = lossAndGradients<tf.NamedTensorMap, Aux>(taped, batch, recordedOptions(noRandom), kept);
        const sums = model.partSums?.(found.aux, place) ?? {};
        const named: [string, tf.Tensor][] = [["loss", found.value]];
        for (const [name, metric] of Object.entries(found.metrics)) {
          named.push([name, tf.clone(metric)]);
        }
        for (const [name, { shape }] of parameters) {
          named.push([gradientName(name), found.gradients[name] ?? tf.zeros(shape)]);
        }
        for (const [name, sum] of Object.entries(sums)) {
          named.push([sumName(name), tf.cast(tf.clone(sum), "float32")]);
        }
        return Object.fromEntries(named);
      } finally {
        tf.dispose(kept);
      }
    });
  const sumShapes = shapesOfSums(gradients, inputs);
  const update = ({ learningRate, step, ...given }: tf.NamedTensorMap): tf.NamedTensorMap =>
    tf.tidy(() => {
      const named = (names: Iterable<string>, nameOf: (name: string) => string) =>
        Object.fromEntries([...names].map((name) => [name, given[nameOf(name)]!]));
      const next = tf.add(step!, tf.scalar(1, "int32"));
      const numbers = { learningRate: learningRate as tf.Scalar, step: tf.cast(next, "float32") as tf.Scalar };
      const gradientNorm = optimizer.record(named(parameters.keys(), gradientName), numbers);
      model.afterParts?.(named(sumShapes.keys(), sumName));
      return { gradientNorm, "next.step": next };
    });
  const float = (shape: readonly number[]) => ({ shape, dtype: "float32" }) as const;
  const metadata = { parts: String(parts), ...configurationOf(model) };
  return {
    gradients: {
      run: gradients,
      inputs,
      state: new Map([...parameters, ...buffers]),
      metadata: { kind: "mmgen.training-gradients", ...metadata },
    },
    update: {
      run: update,
      inputs: {
        ...Object.fromEntries([...parameters].map(([name, { shape }]) => [gradientName(name), float(shape)])),
        ...Object.fromEntries([...sumShapes].map(([name, shape]) => [sumName(name), float(shape)])),
        ...stepInputs,
      },
      state: new Map([...parameters, ...buffers, ...optimizer.state]),
      metadata: { kind: "mmgen.training-update", ...metadata },
    },
  };
}

const gradientName = (name: string) => `gradient.${name}`;
const sumName = (name: string) => `sum.${name}`;

/** The shapes of the sums by name: those of a part of two examples. */
function shapesOfSums(
  gradients: ExportableFunction["run"],
  inputs: ExportableFunction["inputs"],
): Map<string, readonly number[]> {
  return new Map(
    tf.tidy(() => {
      const part = Object.entries(inputs).map(([name, { dtype, shape }]) => {
        const sizes = shape.map((size) => (typeof size === "string" ? 2 : size));
        return [name, tf.zeros(sizes, dtype)] as const;
      });
      return Object.entries(gradients(Object.fromEntries(part))).flatMap(([name, { shape }]) =>
        name.startsWith("sum.") ? [[name.slice(4), shape] as const] : [],
      );
    }),
  );
}
