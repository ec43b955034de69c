import "@mmgen/nn/gradients";
import { type ImageBatch, Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import type { VqVae } from "./vq-vae.js";

/** Trains by full-batch steps of tfjs's Adam, with `initialize` before and `afterStep` after each; returns the losses. */
export async function trainSteps(model: VqVae, images: ImageBatch, steps: number): Promise<number[]> {
  const random = Random.fromSeed(3);
  await model.initialize(images, random.fork("start"));
  const optimizer = tf.train.adam(0.01);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    let aux: tf.NamedTensorMap = {};
    const loss = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => {
        const result = model.loss(images, { training: true });
        aux = result.aux;
        Object.values(aux).forEach(tf.keep);
        return result.total;
      }, [...model.parameters.values()]);
      // tfjs types gradients as variables here, and reads them as tensors.
      optimizer.applyGradients(grads as Record<string, tf.Variable>);
      return value;
    });
    model.afterStep(aux, random.fork(step));
    tf.dispose(aux);
    losses.push((await loss.data())[0]!);
    loss.dispose();
  }
  optimizer.dispose();
  return losses;
}
