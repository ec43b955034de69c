import type { LossOptions } from "@mmgen/core";
import { Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { expect } from "vitest";
import type { AdversarialVqVae } from "./adversarial-vq-vae.js";
import { images } from "./tiny-adversarial.fixture.js";

type Gradients = Record<string, Float32Array | undefined>;

/** Loss, metrics and gradients of a step of the VqVae's parameters; the adversary's loss and its, by one tape each. */
export function gradientsOf(model: AdversarialVqVae, options: LossOptions) {
  let metrics: Record<string, number> = {};
  const of = (part: "total" | "adversaryTotal", variables: ReadonlyMap<string, tf.Variable>) =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => {
        const result = model.loss(images, { ...options, random: Random.fromSeed(5) });
        metrics = Object.fromEntries(
          Object.entries(result.metrics).map(([name, metric]) => [name, metric.dataSync()[0]!]),
        );
        return result[part]!;
      }, [...variables.values()]);
      const gradients: Gradients = {};
      for (const [name, variable] of variables) {
        gradients[name] = grads[variable.name]?.dataSync().slice() as Float32Array | undefined;
      }
      return { value: value.dataSync()[0]!, gradients } as never;
    }) as { value: number; gradients: Gradients };
  const generator = of("total", model.parameters);
  return { generator, adversary: of("adversaryTotal", model.adversary.parameters), metrics };
}

/** The reconstruction and the terms of the loss as functions of it, without any of the class's shortcuts. */
function termsOf(model: AdversarialVqVae, levels: tf.Tensor4D, output: tf.Tensor4D) {
  const real = tf.sub<tf.Tensor4D>(tf.div(tf.cast(levels, "float32"), 127.5), 1);
  const [ofReal, ofFake] = model.discriminator.forward([real, output], { training: true });
  const layers = ofFake!.features.map((each, i) => tf.mean(tf.abs(tf.sub(each, ofReal!.features[i]!))));
  return {
    reconstruction: tf.mean(tf.squaredDifference(output, real)) as tf.Scalar,
    perceptual: tf.div(tf.addN(layers), layers.length) as tf.Scalar,
    adversarial: tf.neg(tf.mean(ofFake!.scores)) as tf.Scalar,
    hinge: tf.mul(
      tf.add(tf.mean(tf.relu(tf.sub(1, ofReal!.scores))), tf.mean(tf.relu(tf.add(1, ofFake!.scores)))),
      0.5,
    ) as tf.Scalar,
  };
}

export type Terms = ReturnType<typeof termsOf>;

/** Gradients of a sum of terms as one ordinary loss of the VqVae, by `variables`. */
export function referenceOf(
  model: AdversarialVqVae,
  variables: readonly tf.Variable[],
  sum: (terms: Terms) => tf.Scalar,
) {
  const levels = model.vqvae.uploadBatch(images).tensors.levels as tf.Tensor4D;
  const found = tf.tidy(() => {
    const { value, grads } = tf.variableGrads(() => {
      const criterion = ({ output }: { output: tf.Tensor4D }) => ({
        total: sum(termsOf(model, levels, output)),
        metrics: {},
        aux: {},
      });
      return model.vqvae.lossTensor({ levels }, { training: true, criterion }).total;
    }, [...variables]);
    return {
      value: value.dataSync()[0]!,
      gradients: variables.map(({ name }) => grads[name]?.dataSync().slice()),
    } as never;
  }) as { value: number; gradients: (Float32Array | undefined)[] };
  levels.dispose();
  return found;
}

export function expectClose(
  found: ArrayLike<number> | undefined,
  expected: ArrayLike<number> | undefined,
  name: string,
) {
  const scale = Math.max(1e-3, ...Array.from(expected ?? [0], Math.abs));
  for (let i = 0; i < (expected?.length ?? 0); i++) {
    // float32 sums in another order.
    expect(Math.abs((found?.[i] ?? 0) - expected![i]!) / scale, `${name} ${i}`).toBeLessThan(2e-4);
  }
}
