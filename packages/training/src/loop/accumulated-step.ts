import * as tf from "@tensorflow/tfjs-core";
import { lossAndGradients, metricNames, type ReadMetrics, type StepContext, stackMetrics } from "./training-step.js";

/** Options of {@link accumulatedStep}. */
export interface AccumulatedStepOptions<Batch, Aux> extends StepContext<Batch, Aux> {
  readonly parts: number;
  /** Makes part `part` of the batch; all have the same number of examples. */
  readonly batchOf: (part: number) => Batch | Promise<Batch>;
}

/**
 * One step on a batch in equal parts, one after the other: averages their gradients, with only one part's activations
 * in memory at a time.
 *
 * Reads once a part, so that a backend that records first releases the part's tensors, and once at the end. `afterStep`
 * is called for each part after the optimizer's step, so that all parts see the same model.
 *
 * @returns The step's metrics: `loss` and the model's own are means over the parts.
 */
export async function accumulatedStep<Batch, Aux>(options: AccumulatedStepOptions<Batch, Aux>): Promise<ReadMetrics> {
  const { model, parts, batchOf, optimizer, average, learningRate, random } = options;
  const kept: tf.Tensor[] = [];
  const auxes: Aux[] = [];
  let sums: Record<string, tf.Tensor> = {};
  let names: string[] = [];
  let means: number[] = [];
  try {
    for (let part = 0; part < parts; part++) {
      const batch = await batchOf(part);
      const metrics = tf.tidy(() => {
        const found = lossAndGradients(model, batch, random.fork("loss").fork(part), kept);
        const previous = sums;
        sums = addGradients(previous, found.gradients);
        tf.dispose(previous);
        auxes.push(found.aux);
        names = metricNames(found.metrics);
        return stackMetrics([found.value, ...Object.values(found.metrics)]);
      });
      const values = await metrics.data();
      metrics.dispose();
      means = Array.from(values, (value, i) => (means[i] ?? 0) + value / parts);
    }
    const norm = tf.tidy(() => {
      const gradients = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, tf.div(sum, parts)]));
      const norm = optimizer.update(gradients, learningRate);
      average?.update(optimizer.steps);
      for (const [part, aux] of auxes.entries()) {
        model.afterStep?.(aux, random.fork("after-step").fork(part));
      }
      return norm;
    });
    const [normValue] = await norm.data();
    norm.dispose();
    const [loss, ...metrics] = means;
    return { names, values: [loss!, normValue!, ...metrics].map(Math.fround) };
  } finally {
    tf.dispose([kept, sums]);
  }
}

/** The sums of `sums` and `gradients` by name; a variable may be in only one of them. No `tidy` disposes them. */
function addGradients(
  sums: Readonly<Record<string, tf.Tensor>>,
  gradients: Readonly<Record<string, tf.Tensor>>,
): Record<string, tf.Tensor> {
  const names = new Set([...Object.keys(sums), ...Object.keys(gradients)]);
  return Object.fromEntries(
    [...names].map((name) => {
      const [sum, gradient] = [sums[name], gradients[name]];
      const added = sum !== undefined && gradient !== undefined ? tf.add(sum, gradient) : tf.clone((sum ?? gradient)!);
      return [name, tf.keep(added)];
    }),
  );
}
