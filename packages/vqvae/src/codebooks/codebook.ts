import type { Random } from "@mmgen/core";
import { filled, Module, noGrad, Parameter, stopGradient, uniform } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { CodebookConfig } from "./codebook-config.js";
import { updateEmaCodebook, updateGradientCodebook } from "./codebook-update.js";
import { kMeans } from "./k-means.js";
import { alignedCodes, nearestCodes } from "./nearest-codes.js";
import { meanOfRows, type RowMask, rowMask } from "./row-mask.js";
import { unitLength } from "./unit-length.js";

/** Latents and the rows that replace them; all of it belongs to the surrounding `tf.tidy`. */
export interface CodebookMatch {
  /** The latents as compared: those given, or scaled to length 1 for a cosine codebook. Differentiable. */
  readonly latents: tf.Tensor2D;
  /** `[vectors, codeDimension]`, without gradient. */
  readonly rows: tf.Tensor2D;
  /** `[vectors]`, int32. */
  readonly codes: tf.Tensor1D;
  /** The codebook's part of the loss, weighted. */
  readonly loss: tf.Scalar;
  /** Its terms, unweighted, and the perplexity of the running counts. */
  readonly metrics: Readonly<Record<string, tf.Scalar>>;
  /** For {@link Codebook.afterStep}; without gradient. */
  readonly aux: tf.NamedTensorMap;
}

/**
 * A learned codebook: rows that latent vectors are replaced by.
 *
 * With z the latents, e their rows and sg(·) "stop gradient", means taken over all values:
 * commitment = mean ‖z − sg[e]‖², weighted by β; codebook = mean ‖sg[z] − e‖², for a gradient codebook only, as an EMA
 * codebook moves by {@link updateEmaCodebook} instead. With the cosine distance z and e have length 1 in all of it.
 *
 * @see van den Oord et al. 2017, eq. 1–3 and appendix A.1, https://arxiv.org/abs/1711.00937
 * @see Yu et al. 2021, section 3.2, https://arxiv.org/abs/2110.04627, for vectors of length 1
 */
export class Codebook extends Module {
  static override readonly paths = { counts: "ema_count", sums: "ema_sum" };

  readonly config: CodebookConfig;
  /** The rows, `[codebookSize, codeDimension]`. */
  readonly codebook: Parameter<tf.Tensor2D>;
  /** Running count of each code per batch, `[codebookSize]`. */
  readonly counts: Parameter<tf.Tensor1D>;
  /** Running sum of the latents of each code, `[codebookSize, codeDimension]`, of an EMA codebook. */
  readonly sums: Parameter<tf.Tensor2D> | undefined;
  /** 1 once the rows have been set from latents, `[1]`. */
  readonly initialized: Parameter<tf.Tensor1D>;
  readonly #isCosine: boolean;

  constructor(config: CodebookConfig) {
    super();
    const { codebookSize, codeDimension } = config;
    const isEma = config.codebook === "ema";
    const shape = [codebookSize, codeDimension];
    const bound = 1 / codebookSize;
    const initial = (size: readonly number[], random: Random) => uniform(size, { random, low: -bound, high: bound });
    this.config = config;
    this.codebook = new Parameter({ shape, initial, role: isEma ? "buffer" : "parameter" });
    this.counts = new Parameter({ shape: [codebookSize], initial: filled(1), role: "buffer", imported: 1 });
    // Each row counts once at first, so that the sums are the rows themselves.
    const { codebook } = this;
    this.sums = isEma
      ? new Parameter({ shape, initial, role: "buffer", drawnAs: codebook, imported: codebook })
      : undefined;
    this.initialized = new Parameter({ shape: [1], initial: filled(0), role: "buffer", imported: 1 });
    this.#isCosine = config.distance === "cosine";
  }

  /** The nearest rows of `[vectors, codeDimension]`: `[vectors]`, int32; yours to dispose. No gradient. */
  codes(latents: tf.Tensor2D): tf.Tensor1D {
    return tf.tidy(() => {
      const rows = this.#scaled(this.codebook.value);
      return this.#isCosine ? alignedCodes(latents, rows) : nearestCodes(latents, rows);
    });
  }

  /** The rows of codes, which may have any shape: `[codes, codeDimension]`; yours to dispose. */
  rows(codes: tf.Tensor): tf.Tensor2D {
    return tf.tidy(() => this.#scaled(tf.gather(this.codebook.value, tf.reshape(codes, [-1]) as tf.Tensor1D)));
  }

  /** Rows, losses and metrics of latents in training, within a `tf.tidy`; differentiable in the latents. */
  match(given: tf.Tensor2D, mask: RowMask | undefined): CodebookMatch {
    const { config } = this;
    const latents = this.#scaled(given);
    const [fixedLatents, codes] = noGrad(() => [latents, this.codes(latents)] as const);
    const [rows] = noGrad(() => [this.rows(codes)] as const);
    const commitment = meanOfRows(tf.squaredDifference(latents, rows), mask);
    const metrics: Record<string, tf.Scalar> = { commitment };
    let loss = tf.mul(commitment, config.commitmentWeight) as tf.Scalar;
    if (config.codebook === "gradient") {
      metrics.codebook = meanOfRows(tf.squaredDifference(fixedLatents, this.rows(codes)), mask);
      loss = tf.add(loss, metrics.codebook);
    }
    metrics.perplexity = perplexity(stopGradient(this.counts.value));
    const names = this.#auxNames();
    const aux = { [names.latents]: fixedLatents, [names.codes]: codes, ...(mask && { [names.mask]: mask.column }) };
    return { latents, rows, codes, loss, metrics, aux };
  }

  /** Sets the rows from first latents, `[vectors, codeDimension]`, where they have not been set before. */
  async initialize(latents: tf.Tensor2D, random: Random): Promise<void> {
    const { config, codebook, counts, sums, initialized } = this;
    if ((await initialized.variable.data())[0] === 1) {
      return;
    }
    if (config.start === "k-means") {
      const vectors = tf.tidy(() => tf.clone(this.#scaled(latents)));
      const started = kMeans(vectors, { clusters: config.codebookSize, random, spherical: this.#isCosine });
      const first = await started.finally(() => vectors.dispose());
      tf.tidy(() => {
        codebook.variable.assign(first.centers);
        counts.variable.assign(first.counts);
        sums?.variable.assign(tf.mul(first.centers, tf.reshape(first.counts, [-1, 1])));
      });
      tf.dispose([first.centers, first.counts]);
    }
    tf.tidy(() => initialized.variable.assign(tf.ones([1])));
  }

  /** Updates counts, an EMA codebook's rows, and dead rows. Reads nothing back. */
  afterStep(aux: tf.NamedTensorMap, random: Random): void {
    const { config, codebook, counts, sums } = this;
    const names = this.#auxNames();
    const update = config.codebook === "ema" ? updateEmaCodebook : updateGradientCodebook;
    const mask = aux[names.mask];
    tf.tidy(() =>
      update({
        latents: aux[names.latents] as tf.Tensor2D,
        codes: aux[names.codes] as tf.Tensor1D,
        mask: mask && rowMask(mask),
        codebook: codebook.variable,
        counts: counts.variable,
        sums: sums?.variable,
        config,
        random,
      }),
    );
  }

  /** Names in {@link CodebookMatch.aux} that no other codebook of the model has. */
  #auxNames() {
    const prefix = this.codebook.path!.slice(0, -"codebook".length);
    return { latents: `${prefix}latents`, codes: `${prefix}codes`, mask: `${prefix}mask` };
  }

  #scaled(vectors: tf.Tensor2D): tf.Tensor2D {
    return this.#isCosine ? unitLength(vectors) : vectors;
  }
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

/** exp(−Σ p ln(p + 1e-10)) of the running counts: about the last hundred batches at γ = 0.99. */
function perplexity(counts: tf.Tensor1D): tf.Scalar {
  const shares = tf.div(counts, tf.sum(counts));
  return tf.exp(tf.neg(tf.sum<tf.Scalar>(tf.mul(shares, tf.log(tf.add(shares, 1e-10))))));
}
