import type { Random } from "@mmgen/core";
import {
  filled,
  Linear,
  Module,
  noGrad,
  normal,
  Parameter,
  type StepPart,
  stopGradient,
  uniform,
} from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { codeEntropies } from "./code-entropies.js";
import type { CodebookConfig } from "./codebook-config.js";
import { codebookPartSums, type PartSums, updateFromParts } from "./codebook-parts.js";
import { updateEmaCodebook, updateGradientCodebook } from "./codebook-update.js";
import { estimateGradient, type GradientEstimatorName } from "./gradient-estimator.js";
import { indexBackpropagation } from "./index-backpropagation.js";
import { kMeans } from "./k-means.js";
import { alignedCodes, alignment, closeness, nearestCodes } from "./nearest-codes.js";
import { keepRows, meanOfRows, type RowMask, rowMask } from "./row-mask.js";
import { unitLength } from "./unit-length.js";

/** Latents and the rows that replace them; all of it belongs to the surrounding `tf.tidy`. */
export interface CodebookMatch {
  /** The latents as compared: those given, or scaled to length 1 for a cosine codebook. Differentiable. */
  readonly latents: tf.Tensor2D;
  /** `[vectors, codeDimension]`, without gradient. */
  readonly rows: tf.Tensor2D;
  /** The rows with a gradient of their own, of an `index` codebook; see {@link quantizedBy}. */
  readonly quantized?: tf.Tensor2D;
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
 * commitment = mean ‖z − sg[e]‖², weighted by β; codebook = mean ‖sg[z] − e‖², for all but an EMA codebook, which moves to
 * the running means of its latents instead. With the cosine distance z and e have length 1 in all of it.
 * `index`: e is the row of the largest product with z, q as index backpropagation has it is what the decoder sees, and
 * index = mean ‖z − q‖² is added, whose gradient reaches z and all rows.
 * `simvq`: e is a row of E·Wᵀ, with a fixed random E and a learned W.
 * An entropy loss, weighted, is that of the softmax of −‖z − e‖² over the rows, of z·e for `index`.
 *
 * @see van den Oord et al. 2017, eq. 1–3 and appendix A.1, https://arxiv.org/abs/1711.00937
 * @see Yu et al. 2021, section 3.2, https://arxiv.org/abs/2110.04627, for vectors of length 1
 * @see Shi et al. 2024, section 3, https://arxiv.org/abs/2412.02692, for `index`
 * @see Zhu et al. 2024, section 3, https://arxiv.org/abs/2411.02038, for `simvq`
 */
export class Codebook extends Module {
  static override readonly paths = { counts: "ema_count", sums: "ema_sum" };

  readonly config: CodebookConfig;
  /** The rows, `[codebookSize, codeDimension]`; E of a `simvq` codebook. */
  readonly codebook: Parameter<tf.Tensor2D>;
  /** W of a `simvq` codebook. */
  readonly projection: Linear | undefined;
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
    const [isEma, isSimVq] = [config.codebook === "ema", config.codebook === "simvq"];
    const shape = [codebookSize, codeDimension];
    const bound = 1 / codebookSize;
    const initial = (size: readonly number[], random: Random) =>
      config.start === "normal"
        ? normal(size, { random, standardDeviation: 1 / Math.sqrt(codeDimension) })
        : uniform(size, { random, low: -bound, high: bound });
    this.config = config;
    const role = isEma || isSimVq ? "buffer" : "parameter";
    this.codebook = new Parameter({ shape, initial, role, quantizable: false });
    this.projection = isSimVq ? new Linear({ inputs: codeDimension, outputs: codeDimension, bias: false }) : undefined;
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
      const rows = this.#scaled(this.#table());
      const isAligned = this.#isCosine || this.config.codebook === "index";
      return isAligned ? alignedCodes(latents, rows) : nearestCodes(latents, rows);
    });
  }

  /** The rows of codes, which may have any shape: `[codes, codeDimension]`; yours to dispose. */
  rows(codes: tf.Tensor): tf.Tensor2D {
    return tf.tidy(() => this.#scaled(tf.gather(this.#table(), tf.reshape(codes, [-1]) as tf.Tensor1D)));
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
    const add = (term: tf.Scalar, weight: number) => {
      loss = tf.add(loss, weight === 1 ? term : tf.mul(term, weight));
    };
    if (config.codebook !== "ema") {
      metrics.codebook = meanOfRows(tf.squaredDifference(fixedLatents, this.rows(codes)), mask);
      add(metrics.codebook, config.codebookWeight);
    }
    let quantized: tf.Tensor2D | undefined;
    if (config.codebook === "index") {
      quantized = indexBackpropagation(latents, this.#scaled(this.#table()), { codes, mask });
      metrics.index = meanOfRows(tf.squaredDifference(latents, quantized), mask);
      add(metrics.index, 1);
    }
    if (config.entropyWeight > 0) {
      const entropies = codeEntropies(this.#scores(keepRows(latents, mask)), {
        temperature: config.entropyTemperature,
        mask,
      });
      metrics.sampleEntropy = entropies.sampleEntropy;
      metrics.codebookEntropy = entropies.codebookEntropy;
      add(entropies.loss, config.entropyWeight);
    }
    metrics.perplexity = perplexity(stopGradient(this.counts.value));
    const names = this.#auxNames();
    const aux = { [names.latents]: fixedLatents, [names.codes]: codes, ...(mask && { [names.mask]: mask.column }) };
    return { latents, rows, ...(quantized && { quantized }), codes, loss, metrics, aux };
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
      tf.dispose(first);
    }
    tf.tidy(() => initialized.variable.assign(tf.ones([1])));
  }

  /** Updates counts, an EMA codebook's rows, and dead rows. Reads nothing back. */
  afterStep(aux: tf.NamedTensorMap, random: Random): void {
    const update = this.config.codebook === "ema" ? updateEmaCodebook : updateGradientCodebook;
    tf.tidy(() => update({ ...this.#latentsIn(aux), ...this.#variables, random }));
  }

  /** What {@link Codebook.afterStep} needs of one part of a step, to be added up; within a `tf.tidy`. */
  partSums(aux: tf.NamedTensorMap, part: StepPart): tf.NamedTensorMap {
    const { config } = this;
    const sums = codebookPartSums({ ...this.#latentsIn(aux), config }, config.codebook === "ema", part);
    return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [`${this.#prefix}part.${name}`, sum]));
  }

  /** {@link Codebook.afterStep} from the sums over all parts. */
  afterParts(given: tf.NamedTensorMap): void {
    const named = (["counts", "sums", "revivals"] as const).map((name) => [name, given[`${this.#prefix}part.${name}`]]);
    const sums = Object.fromEntries(named.filter(([, sum]) => sum !== undefined)) as PartSums;
    tf.tidy(() => updateFromParts(this.#variables, sums));
  }

  get #variables() {
    const { config, codebook, counts, sums } = this;
    return { codebook: codebook.variable, counts: counts.variable, sums: sums?.variable, config };
  }

  #latentsIn(aux: tf.NamedTensorMap) {
    const names = this.#auxNames();
    const mask = aux[names.mask];
    const [latents, codes] = [aux[names.latents] as tf.Tensor2D, aux[names.codes] as tf.Tensor1D];
    return { latents, codes, mask: mask && rowMask(mask) };
  }

  /** Names in {@link CodebookMatch.aux} that no other codebook of the model has. */
  #auxNames() {
    const prefix = this.#prefix;
    return { latents: `${prefix}latents`, codes: `${prefix}codes`, mask: `${prefix}mask` };
  }

  get #prefix(): string {
    return this.codebook.path!.slice(0, -"codebook".length);
  }

  /** All rows, `[codebookSize, codeDimension]`; differentiable where they are learned by gradients. */
  #table(): tf.Tensor2D {
    const rows = this.codebook.value;
    return this.projection ? (this.projection.forward(rows) as tf.Tensor2D) : rows;
  }

  /** What the entropies of an entropy loss are of: −‖z − e‖², or z·e, up to what is the same for all rows. */
  #scores(latents: tf.Tensor2D): tf.Tensor2D {
    const rows = this.#scaled(this.#table());
    return this.config.codebook === "index" ? alignment(latents, rows) : closeness(latents, rows);
  }

  #scaled(vectors: tf.Tensor2D): tf.Tensor2D {
    return this.#isCosine ? unitLength(vectors) : vectors;
  }
}

/** What a decoder takes: the rows of a match, with its own gradient or the named one. */
export function quantizedBy(name: GradientEstimatorName, { latents, rows, quantized }: CodebookMatch): tf.Tensor2D {
  return quantized ?? estimateGradient(name, latents, rows);
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
