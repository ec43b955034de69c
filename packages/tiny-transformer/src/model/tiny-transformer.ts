import {
  ConfigError,
  type DecodePlan,
  type Denoiser,
  type LossOptions,
  type LossResult,
  type Random,
  type SequenceDecoding,
  type SequenceModel,
  type TokenBatch,
} from "@mmgen/core";
import { fields, resolveOptions, value } from "@mmgen/core/options";
import {
  Linear,
  loadModel,
  Module,
  runsLoopsNatively,
  saveModel,
  type TensorFunction,
  type TensorTrainable,
} from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import {
  type CachedStep,
  flattenStep,
  groupStep,
  type KeysAndValues,
  runCachedStep,
  runPrefill,
} from "../decoding/cached-passes.js";
import { checkPlan, choiceSettings, runPlan } from "../decoding/decode-plan.js";
import { KeyValueCache, TransformerDecoding } from "../decoding/key-value-cache.js";
import { decodeGraph, listDecodeInputs } from "../decoding/native-decode.js";
import { type TransformerBatch, targetLosses, uploadTokens } from "./target-losses.js";
import { checkIdTensor, checkStep, checkTokens, checkVocabulary, normalizeWeights } from "./token-checks.js";
import { TransformerBackbone, type TransformerNetwork } from "./transformer-backbone.js";
import { normalWeights } from "./transformer-block.js";
import { resolveTransformer, type TransformerConfig, type TransformerOptions } from "./transformer-config.js";
import {
  type PyTorchOptions,
  readTransformerConfig,
  resolveNames,
  resolvePyTorch,
  transformerFormat,
} from "./transformer-file.js";

/** The transformer hands nothing from `loss` to `afterStep`. */
export type TransformerAux = Readonly<Record<string, never>>;

/**
 * A small GPT over token ids: pre-norm blocks of attention and feed-forward parts, a final layer norm, and an output
 * layer. Trains, scores, and generates with a key-value cache.
 *
 * `forward` and methods with `Tensor` in their names borrow and give tensors and check no ids; the others take typed arrays.
 */
export class TinyTransformer
  extends Module
  implements TensorTrainable<TransformerBatch, TransformerAux>, SequenceModel, Denoiser, TransformerNetwork
{
  static override readonly paths = { backbone: "transformer", head: "lm_head" };

  readonly config: TransformerConfig;
  readonly backbone: TransformerBackbone;
  /** Output layer, `[…, width]` → `[…, vocabularySize]` logits. */
  readonly head: Linear;
  readonly #step: TensorFunction;
  /** For the settings of the last plan, which decide its graph. */
  #decode: { readonly key: string; readonly run: TensorFunction } | undefined;

  private constructor(config: TransformerConfig) {
    super();
    const { layers, tiedWeights, vocabularySize, width } = config;
    this.config = config;
    this.backbone = new TransformerBackbone(config);
    this.head = new Linear({
      inputs: width,
      outputs: vocabularySize,
      bias: false,
      initial: { weight: normalWeights(0.02) },
      ...(tiedWeights && { weight: this.backbone.tokenEmbedding.weight }),
    });
    // Weights and position are among its inputs, so that neither training on nor moving on asks for a new trace.
    this.#step = this.compiled((ids, position, ...cached) => {
      const caches = { keys: cached.slice(0, layers), values: cached.slice(layers) };
      return flattenStep(runCachedStep(this, ids!, position as tf.Tensor1D, caches));
    });
  }

  /**
   * A transformer with fresh weights.
   *
   * @param options - See {@link TransformerOptions}.
   * @param draw - `random`: where the weights are drawn; the same seed gives the same model.
   * @throws a {@link ConfigError} when the options are not valid, before anything is allocated.
   */
  static create(options: TransformerOptions, draw: { readonly random: Random }): TinyTransformer {
    const { random } = resolveOptions(drawSchema, draw);
    return new TinyTransformer(resolveTransformer(options)).initializeWeights(random, { streams: "shared" });
  }

  /**
   * The transformer that {@link TinyTransformer.toSafetensors} wrote.
   *
   * @throws a `CheckpointError` when the file is damaged or another model's.
   */
  static fromSafetensors(bytes: Uint8Array): TinyTransformer {
    return loadModel(bytes, transformerFormat, (file) => new TinyTransformer(readTransformerConfig(file)));
  }

  /** Weights under nanoGPT's names and in PyTorch's layouts, with the configuration in the metadata. */
  async toSafetensors({ run }: { readonly run?: string | undefined } = {}): Promise<Uint8Array> {
    return saveModel(this, transformerFormat, { config: this.config, ...(run !== undefined && { run }) });
  }

  /**
   * The transformer of a safetensors file that a PyTorch program wrote.
   *
   * @throws a `CheckpointError` that lists what is missing, left over or of another shape; a {@link ConfigError} when the
   * configuration is not valid.
   */
  static loadPyTorch(bytes: Uint8Array, options: PyTorchOptions): TinyTransformer {
    const { config, names } = resolvePyTorch(options);
    return new TinyTransformer(config).importStateDict(bytes, names);
  }

  /** A safetensors file for `load_state_dict` of the PyTorch program with these names, nanoGPT's when absent. */
  async savePyTorch(options: Pick<PyTorchOptions, "names"> = {}): Promise<Uint8Array> {
    return this.exportStateDict(resolveNames(options));
  }

  get vocabularySize(): number {
    return this.config.vocabularySize;
  }

  get contextLength(): number {
    return this.config.contextLength;
  }

  /**
   * Cross-entropy of the targets, in nats per id, weighted by `batch.weights`.
   *
   * Reads nothing back, and uploads nothing but ids, targets, weights and, in training, dropout masks.
   *
   * @returns `total`, and the same as metric `natsPerId`; yours to dispose.
   * @throws a `ShapeError`, `VocabularyError` or `DataError` when the batch does not fit the model.
   */
  loss(batch: TransformerBatch, { training, random }: LossOptions): LossResult<tf.Scalar, TransformerAux> {
    this.checkUsable();
    const shares = batch.weights && normalizeWeights(batch.weights, batch.targets);
    const total = tf.tidy(() => {
      const draws = training && this.config.dropout > 0 ? random : undefined;
      const losses = targetLosses(batch, this, draws); // [count · length]
      return shares ? tf.sum(tf.mul(losses, tf.tensor1d(shares))) : tf.mean(losses);
    }) as tf.Scalar;
    return { total, metrics: { natsPerId: tf.clone(total) }, aux: {} };
  }

  /** Each target's negative log-likelihood in nats, without dropout and unweighted, `[count, length]` row-major. */
  async lossPerPosition(batch: Omit<TransformerBatch, "weights">): Promise<Float32Array> {
    this.checkUsable();
    const losses = tf.tidy(() => targetLosses(batch, this));
    try {
      return (await losses.data()) as Float32Array;
    } finally {
      losses.dispose();
    }
  }

  /**
   * The forward pass: logits at every position, without dropout; differentiable.
   *
   * @param ids - `[batch, time]` int32, time ≤ contextLength; borrowed.
   * @returns `[batch, time, vocabularySize]`; yours to dispose.
   */
  forward(ids: tf.Tensor): tf.Tensor3D {
    this.checkUsable();
    checkIdTensor(ids, this.contextLength);
    return tf.tidy(() => this.head.forward(this.backbone.forward(ids))) as tf.Tensor3D;
  }

  /** Logits at every position, `[rows, length, vocabularySize]` row-major. */
  async logits(ids: TokenBatch): Promise<Float32Array> {
    checkTokens("ids", ids, this.vocabularySize, this.contextLength);
    const logits = tf.tidy(() => this.forward(uploadTokens(ids)));
    try {
      return (await logits.data()) as Float32Array;
    } finally {
      logits.dispose();
    }
  }

  /** Runs a prompt through and returns the decode that goes on from it; see {@link SequenceModel}. */
  async prefill(ids: TokenBatch): Promise<SequenceDecoding> {
    checkTokens("prompt", ids, this.vocabularySize, this.contextLength);
    const prompt = uploadTokens(ids);
    let pass: ReturnType<TinyTransformer["prefillTensor"]>;
    try {
      pass = this.prefillTensor(prompt);
    } finally {
      prompt.dispose();
    }
    const { logits, cache } = pass;
    try {
      const values = (await logits.data()) as Float32Array;
      return new TransformerDecoding(values, cache, (next) => {
        checkVocabulary("step", next, this.vocabularySize);
        return tf.tidy(() => this.stepTensor(tf.tensor1d(next, "int32"), cache));
      });
    } catch (error) {
      cache.dispose();
      throw error;
    } finally {
      logits.dispose();
    }
  }

  /**
   * Runs a whole {@link DecodePlan} as loops of the backend, with every id chosen inside of them: many times as fast as
   * steps, and as good as the same ids (the last bits of the logits may differ, and with them a choice between ids that
   * these bits decide). Undefined where the backend has no loops or the model is not causal.
   *
   * It throws a `ShapeError`, `VocabularyError` or `GrammarError` when the plan does not fit the model.
   */
  get decode(): ((plan: DecodePlan) => Promise<TokenBatch>) | undefined {
    return this.config.causal && runsLoopsNatively() ? (plan) => this.#runPlan(plan) : undefined;
  }

  async #runPlan(plan: DecodePlan): Promise<TokenBatch> {
    this.checkUsable();
    checkPlan(plan, this.vocabularySize, this.contextLength);
    const settings = choiceSettings(plan);
    const key = JSON.stringify(settings);
    if (this.#decode?.key !== key) {
      this.#decode = { key, run: this.compiled(decodeGraph(this, settings)) };
    }
    const { run } = this.#decode;
    return runPlan(plan, (inputs) => run(...listDecodeInputs(inputs))[0] as tf.Tensor2D, this.vocabularySize);
  }

  /**
   * Runs a prompt through and keeps what its positions leave for later ones.
   *
   * @param ids - `[batch, time]` int32, 1 ≤ time ≤ contextLength; borrowed.
   * @returns `logits` after the last id, `[batch, vocabularySize]`, and the cache; both yours to dispose.
   * @throws a {@link ConfigError} when the model is not causal.
   */
  prefillTensor(ids: tf.Tensor): { readonly logits: tf.Tensor2D; readonly cache: KeyValueCache } {
    this.checkUsable();
    checkIdTensor(ids, this.contextLength);
    if (!this.config.causal) {
      throw new ConfigError("A transformer with causal: false cannot go on from a prompt; use logits instead.");
    }
    const { logits, keys, values } = runPrefill(this, ids);
    return { logits, cache: new KeyValueCache(this, keys, values, ids.shape[1]!) };
  }

  /**
   * Runs one id a row through, at the position after those cached, and adds it to the cache.
   *
   * @param ids - `[batch]` int32; borrowed.
   * @param cache - From this model's {@link TinyTransformer.prefillTensor}; changed.
   * @returns logits after the id, `[batch, vocabularySize]`; yours to dispose.
   * @throws a `ShapeError` when the rows are full or not as many as the cache's; {@link ConfigError} when the cache
   * is another model's.
   */
  stepTensor(ids: tf.Tensor, cache: KeyValueCache): tf.Tensor2D {
    this.checkUsable();
    const { keys, values } = cache.read(this);
    checkStep(ids, cache, this.contextLength);
    const position = tf.tensor1d([cache.length], "int32");
    try {
      const next = groupStep(this.#step(ids, position, ...keys, ...values), this.config.layers);
      cache.replace(next.keys, next.values);
      return next.logits;
    } finally {
      position.dispose();
    }
  }

  /**
   * {@link TinyTransformer.stepTensor} as a pure function, caches in and caches out: for graphs of your own, and for export.
   *
   * @param ids - `[batch]` int32; borrowed.
   * @param position - Of the ids in their rows, `[1]` int32; borrowed.
   * @param caches - One `[batch, heads, contextLength, width / heads]` a layer of keys and of values, zero from `position`
   *   on; borrowed.
   * @returns logits, `[batch, vocabularySize]`, and the caches with the ids' in them; yours, or the open tidy's.
   */
  stepWithCaches(ids: tf.Tensor1D, position: tf.Tensor1D, caches: KeysAndValues): CachedStep {
    this.checkUsable();
    return runCachedStep(this, ids, position, caches);
  }
}

const drawSchema = fields({
  random: value<Random>("a Random of @mmgen/core", (candidate) => typeof candidate === "object" && candidate !== null),
});
