import type { Random } from "@mmgen/core";
import type { PartStatistics } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { lossAndGradients, metricsOf, type StepContext, stackMetrics } from "../loop/training-step.js";

/** What a step changes. */
export type StepParts<Batch, Aux> = Pick<StepContext<Batch, Aux>, "model" | "optimizer" | "average" | "adversary">;

/** Where a part stands in its step. */
export interface PartPlace {
  /** From 0. */
  readonly part: number;
  readonly parts: number;
  readonly statistics: PartStatistics;
}

/** Where everything stands in a part's values: first gradients, then sums, then metrics. */
export interface PartLayout {
  readonly tensors: readonly {
    readonly kind: "gradient" | "adversary" | "sum";
    readonly name: string;
    readonly shape: readonly number[];
    readonly start: number;
    readonly size: number;
  }[];
  /** Numbers of all gradients. */
  readonly gradients: number;
  /** Names of the metrics; the norms, which are of the whole step, hold their places. */
  readonly names: readonly string[];
  /** Numbers in all. */
  readonly size: number;
}

/** A part of a step, computed. */
export interface PartValues {
  readonly layout: PartLayout;
  /** `[layout.size]`. */
  readonly values: Float32Array;
  /** Of its targets; see `LossResult.targetWeight`. */
  readonly weight: number | undefined;
}

/** Computes a part of a step: its gradients, what the model updates after the step, its metrics. */
export async function readPart<Batch, Aux>(
  parts: StepParts<Batch, Aux>,
  batch: Batch,
  random: Random,
  place: PartPlace,
): Promise<PartValues> {
  const kept: tf.Tensor[] = [];
  let layout: PartLayout | undefined;
  let weight: number | undefined;
  const flat = tf.tidy(() => {
    const { model, optimizer } = parts;
    const options = { training: true, random: random.fork("loss").fork(place.part), step: optimizer.steps };
    const found = lossAndGradients(model, batch, options, kept);
    weight = found.weight;
    const sums = model.partSums?.(found.aux, { ...place, random: random.fork("after-step") }) ?? {};
    const part = flatten(parts, { ...found, sums });
    layout = part.layout;
    return part.values;
  });
  try {
    return { layout: layout!, values: (await flat.data()) as Float32Array, weight };
  } finally {
    flat.dispose();
    tf.dispose(kept);
  }
}

type Computed = Pick<
  ReturnType<typeof lossAndGradients<unknown, unknown>>,
  "value" | "gradients" | "metrics" | "adversary"
> & { readonly sums: tf.NamedTensorMap };

/** One vector of all that a part gives, within a `tf.tidy`. A parameter without a gradient has zeros. */
export function flatten<Batch, Aux>(
  { model }: StepParts<Batch, Aux>,
  { adversary, sums, ...found }: Computed,
): { readonly layout: PartLayout; readonly values: tf.Tensor1D } {
  const tensors: PartLayout["tensors"][number][] = [];
  const vectors: tf.Tensor1D[] = [];
  let start = 0;
  const add = (kind: PartLayout["tensors"][number]["kind"], name: string, tensor: tf.Tensor) => {
    tensors.push({ kind, name, shape: tensor.shape, start, size: tensor.size });
    vectors.push(tf.reshape(tf.cast(tensor, "float32"), [-1]));
    start += tensor.size;
  };
  for (const [name, { shape }] of model.parameters) {
    add("gradient", name, found.gradients[name] ?? tf.zeros(shape));
  }
  for (const [name, { shape }] of model.adversary?.parameters ?? []) {
    add("adversary", name, adversary?.gradients[name] ?? tf.zeros(shape));
  }
  const gradients = start;
  for (const [name, sum] of Object.entries(sums)) {
    add("sum", name, sum);
  }
  const metrics = metricsOf({ ...found, adversary }, [found.value, found.value]);
  vectors.push(stackMetrics(metrics.map(([, value]) => value)));
  const names = metrics.map(([name]) => name);
  return { layout: { tensors, gradients, names, size: start + names.length }, values: tf.concat1d(vectors) };
}
