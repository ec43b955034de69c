import type { Random } from "@mmgen/core";
import { outsideTape, stopGradient, uniform } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { updateEmaCodebook, updateGradientCodebook } from "./codebook-update.js";
import { kMeans } from "./k-means.js";
import { nearestCodes } from "./nearest-codes.js";
import { type Parameter, type Weights, weight } from "./parameters.js";
import type { Quantization, Quantizer } from "./quantizer.js";
import { straightThrough } from "./straight-through.js";
import type { VectorQuantizerConfig } from "./vector-quantizer-config.js";

/** Names of a vector quantizer's weights in the checkpoint. */
export const vectorQuantizerWeights = {
  codebook: "quantizer.codebook",
  counts: "quantizer.ema_count",
  sums: "quantizer.ema_sum",
  initialised: "quantizer.initialised",
} as const;

const names = vectorQuantizerWeights;

/**
 * Replaces each latent by its nearest codebook row.
 *
 * With z the latents, e their rows and sg(·) "stop gradient", means taken over all values:
 * commitment = mean ‖z − sg[e]‖², weighted by β; codebook = mean ‖sg[z] − e‖², for a gradient codebook only, as an EMA
 * codebook moves by {@link updateEmaCodebook} instead. The decoder sees z + sg(e − z).
 *
 * @see van den Oord et al. 2017, eq. 1–3 and appendix A.1, https://arxiv.org/abs/1711.00937
 */
export function vectorQuantizer(config: VectorQuantizerConfig): Quantizer {
  const { codebookSize, codeDimension } = config;
  const nearest = (latents: tf.Tensor2D, weights: Weights) => nearestCodes(latents, weight(weights, names.codebook));
  const rows = (codes: tf.Tensor, weights: Weights): tf.Tensor2D =>
    tf.gather(weight<tf.Tensor2D>(weights, names.codebook), tf.reshape(codes, [-1]) as tf.Tensor1D);
  return {
    codebookSize,
    codeDimension,
    codesPerVector: 1,
    parameters: vectorQuantizerParameters(config),
    codes: (latents, weights) => tf.tidy(() => tf.reshape(nearest(latents, weights), [-1, 1])),
    vectors: (codes, weights) => tf.tidy(() => rows(codes, weights)),

    quantize(latents, weights): Quantization {
      const [fixedLatents, codes] = outsideTape(() => [latents, nearest(latents, weights)] as const);
      const [fixedRows] = outsideTape(() => [rows(codes, weights)] as const);
      const commitment = tf.mean(tf.squaredDifference(latents, fixedRows)) as tf.Scalar;
      const metrics: Record<string, tf.Scalar> = { commitment };
      let loss = tf.mul(commitment, config.commitmentWeight) as tf.Scalar;
      if (config.codebook === "gradient") {
        metrics.codebook = tf.mean(tf.squaredDifference(fixedLatents, rows(codes, weights)));
        loss = tf.add(loss, metrics.codebook);
      }
      metrics.perplexity = perplexity(stopGradient(weight(weights, names.counts)));
      return { quantized: straightThrough(latents, fixedRows), loss, metrics, aux: { latents: fixedLatents, codes } };
    },

    async initialise(latents, variables, random) {
      const initialised = variables.get(names.initialised)!;
      if ((await initialised.data())[0] === 1) {
        return;
      }
      if (config.start === "k-means") {
        const { centres, counts } = await kMeans(latents, { clusters: codebookSize, random });
        tf.tidy(() => {
          variables.get(names.codebook)!.assign(centres);
          variables.get(names.counts)!.assign(counts);
          variables.get(names.sums)?.assign(tf.mul(centres, tf.reshape(counts, [-1, 1])));
        });
        tf.dispose([centres, counts]);
      }
      tf.tidy(() => initialised.assign(tf.ones([1])));
    },

    afterStep(aux, variables, random) {
      const { latents, codes } = aux as { latents: tf.Tensor2D; codes: tf.Tensor1D };
      const update = config.codebook === "ema" ? updateEmaCodebook : updateGradientCodebook;
      update({
        latents,
        codes,
        codebook: variables.get(names.codebook)!,
        counts: variables.get(names.counts)!,
        sums: variables.get(names.sums),
        config,
        random,
      });
    },
  };
}

function vectorQuantizerParameters({ codebook, codebookSize, codeDimension }: VectorQuantizerConfig): Parameter[] {
  const bound = 1 / codebookSize;
  const rows = (random: Random) => uniform([codebookSize, codeDimension], { random, low: -bound, high: bound });
  // Each row counts once at first, so that the sums are the rows themselves.
  const sums = { name: names.sums, learned: "after step", initial: rows, drawnAs: names.codebook } as const;
  return [
    { name: names.codebook, learned: codebook === "ema" ? "after step" : "by gradient", initial: rows },
    { name: names.counts, learned: "after step", initial: () => tf.ones([codebookSize]) },
    ...(codebook === "ema" ? [sums] : []),
    { name: names.initialised, learned: "after step", initial: () => tf.zeros([1]) },
  ];
}

/** exp(−Σ p ln(p + 1e-10)) of the running counts: about the last hundred batches at γ = 0.99. */
function perplexity(counts: tf.Tensor1D): tf.Scalar {
  const shares = tf.div(counts, tf.sum(counts));
  return tf.exp(tf.neg(tf.sum<tf.Scalar>(tf.mul(shares, tf.log(tf.add(shares, 1e-10))))));
}
