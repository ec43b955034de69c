import type { Random } from "@mmgen/core";
import { noGrad, stopGradient, uniform } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { type Parameter, type Weights, weight } from "../networks/layers.js";
import type { CodebookConfig } from "./codebook-config.js";
import { updateEmaCodebook, updateGradientCodebook } from "./codebook-update.js";
import { kMeans } from "./k-means.js";
import { alignedCodes, nearestCodes, unitLength } from "./nearest-codes.js";

/** Latents and the rows that replace them; all of it belongs to the surrounding `tf.tidy`. */
export interface CodebookMatch {
  /** The latents as compared: those given, or at length 1 for a cosine codebook. Differentiable. */
  readonly latents: tf.Tensor2D;
  /** `[vectors, codeDimension]`: constants to the tape. */
  readonly rows: tf.Tensor2D;
  /** `[vectors]`, int32. */
  readonly codes: tf.Tensor1D;
  /** What the codebook adds to the loss, weighted. */
  readonly loss: tf.Scalar;
  /** Its terms, unweighted, and the perplexity of the running counts. */
  readonly metrics: Readonly<Record<string, tf.Scalar>>;
  /** What {@link Codebook.afterStep} wants back; constants to the tape. */
  readonly aux: tf.NamedTensorMap;
}

/**
 * Rows that latent vectors are replaced by: what the quantizers that learn theirs are made of.
 *
 * With z the latents, e their rows and sg(·) "stop gradient", means taken over all values:
 * commitment = mean ‖z − sg[e]‖², weighted by β; codebook = mean ‖sg[z] − e‖², for a gradient codebook only, as an EMA
 * codebook moves by {@link updateEmaCodebook} instead. With the cosine distance z and e are at length 1 in all of it.
 *
 * @see van den Oord et al. 2017, eq. 1–3 and appendix A.1, https://arxiv.org/abs/1711.00937
 * @see Yu et al. 2021, section 3.2, https://arxiv.org/abs/2110.04627, for vectors of length 1
 */
export interface Codebook {
  readonly parameters: readonly Parameter[];
  /** The nearest rows, `[vectors]`, int32; the caller's. No gradient. */
  codes(latents: tf.Tensor2D, weights: Weights): tf.Tensor1D;
  /** The rows of codes, which may have any shape: `[codes, codeDimension]`; the caller's. */
  rows(codes: tf.Tensor, weights: Weights): tf.Tensor2D;
  /** The training-time form, differentiable in the latents. */
  match(latents: tf.Tensor2D, weights: Weights): CodebookMatch;
  /** Sets the rows from first latents, where they have not been set before. */
  initialize(latents: tf.Tensor2D, variables: ReadonlyMap<string, tf.Variable>, random: Random): Promise<void>;
  /** Updates counts, an EMA codebook's rows, and dead rows. Reads nothing. */
  afterStep(aux: tf.NamedTensorMap, variables: ReadonlyMap<string, tf.Variable>, random: Random): void;
}

/** Names of a codebook's weights in the checkpoint. */
export function codebookWeights(name: string) {
  return {
    codebook: `${name}.codebook`,
    counts: `${name}.ema_count`,
    sums: `${name}.ema_sum`,
    initialized: `${name}.initialized`,
  } as const;
}

/** A codebook whose weights' names begin with `name`. */
export function codebook(name: string, config: CodebookConfig): Codebook {
  const names = codebookWeights(name);
  const auxiliary = { latents: `${name}.latents`, codes: `${name}.codes` };
  const cosine = config.distance === "cosine";
  const compared = (vectors: tf.Tensor2D): tf.Tensor2D => (cosine ? unitLength(vectors) : vectors);
  const allRows = (weights: Weights): tf.Tensor2D => compared(weight(weights, names.codebook));
  const nearest = (latents: tf.Tensor2D, weights: Weights): tf.Tensor1D =>
    (cosine ? alignedCodes : nearestCodes)(latents, allRows(weights));
  const rowsOf = (codes: tf.Tensor, weights: Weights): tf.Tensor2D =>
    compared(tf.gather(weight<tf.Tensor2D>(weights, names.codebook), tf.reshape(codes, [-1]) as tf.Tensor1D));
  return {
    parameters: codebookParameters(name, config),
    codes: (latents, weights) => tf.tidy(() => nearest(latents, weights)),
    rows: (codes, weights) => tf.tidy(() => rowsOf(codes, weights)),

    match(given, weights) {
      const latents = compared(given);
      const [fixedLatents, codes] = noGrad(() => [latents, nearest(latents, weights)] as const);
      const [rows] = noGrad(() => [rowsOf(codes, weights)] as const);
      const commitment = tf.mean(tf.squaredDifference(latents, rows)) as tf.Scalar;
      const metrics: Record<string, tf.Scalar> = { commitment };
      let loss = tf.mul(commitment, config.commitmentWeight) as tf.Scalar;
      if (config.codebook === "gradient") {
        metrics.codebook = tf.mean(tf.squaredDifference(fixedLatents, rowsOf(codes, weights)));
        loss = tf.add(loss, metrics.codebook);
      }
      metrics.perplexity = perplexity(stopGradient(weight(weights, names.counts)));
      const aux = { [auxiliary.latents]: fixedLatents, [auxiliary.codes]: codes };
      return { latents, rows, codes, loss, metrics, aux };
    },

    async initialize(latents, variables, random) {
      const initialized = variables.get(names.initialized)!;
      if ((await initialized.data())[0] === 1) {
        return;
      }
      if (config.start === "k-means") {
        const vectors = tf.tidy(() => tf.clone(compared(latents)));
        const started = kMeans(vectors, { clusters: config.codebookSize, random, spherical: cosine });
        const { centers, counts } = await started.finally(() => vectors.dispose());
        tf.tidy(() => {
          variables.get(names.codebook)!.assign(centers);
          variables.get(names.counts)!.assign(counts);
          variables.get(names.sums)?.assign(tf.mul(centers, tf.reshape(counts, [-1, 1])));
        });
        tf.dispose([centers, counts]);
      }
      tf.tidy(() => initialized.assign(tf.ones([1])));
    },

    afterStep(aux, variables, random) {
      const update = config.codebook === "ema" ? updateEmaCodebook : updateGradientCodebook;
      update({
        latents: aux[auxiliary.latents] as tf.Tensor2D,
        codes: aux[auxiliary.codes] as tf.Tensor1D,
        codebook: variables.get(names.codebook)!,
        counts: variables.get(names.counts)!,
        sums: variables.get(names.sums),
        config,
        random,
      });
    },
  };
}

function codebookParameters(name: string, { codebook, codebookSize, codeDimension }: CodebookConfig): Parameter[] {
  const names = codebookWeights(name);
  const bound = 1 / codebookSize;
  const rows = (random: Random) => uniform([codebookSize, codeDimension], { random, low: -bound, high: bound });
  // Each row counts once at first, so that the sums are the rows themselves.
  const sums: Parameter = {
    name: names.sums,
    learned: "after step",
    initial: rows,
    drawnAs: names.codebook,
    besideImported: { equals: names.codebook },
  };
  return [
    { name: names.codebook, learned: codebook === "ema" ? "after step" : "by gradient", initial: rows },
    { name: names.counts, learned: "after step", initial: () => tf.ones([codebookSize]), besideImported: "ones" },
    ...(codebook === "ema" ? [sums] : []),
    { name: names.initialized, learned: "after step", initial: () => tf.zeros([1]), besideImported: "ones" },
  ];
}

/** exp(−Σ p ln(p + 1e-10)) of the running counts: about the last hundred batches at γ = 0.99. */
function perplexity(counts: tf.Tensor1D): tf.Scalar {
  const shares = tf.div(counts, tf.sum(counts));
  return tf.exp(tf.neg(tf.sum<tf.Scalar>(tf.mul(shares, tf.log(tf.add(shares, 1e-10))))));
}

/** The losses of several codebooks as one: means over the codebooks, each of which averages over as many values. */
export function meanTerms(matches: readonly CodebookMatch[]): Pick<CodebookMatch, "loss" | "metrics" | "aux"> {
  const mean = (terms: tf.Scalar[]): tf.Scalar => tf.mean(tf.stack(terms));
  const names = Object.keys(matches[0]!.metrics);
  return {
    loss: mean(matches.map(({ loss }) => loss)),
    metrics: Object.fromEntries(names.map((name) => [name, mean(matches.map(({ metrics }) => metrics[name]!))])),
    aux: Object.assign({}, ...matches.map(({ aux }) => aux)),
  };
}
