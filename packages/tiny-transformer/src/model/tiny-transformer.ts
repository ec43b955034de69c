import {
  ConfigError,
  type Denoiser,
  type LossOptions,
  type LossResult,
  type NativeRunOptions,
  type Random,
  type SequenceDecoding,
  type SequenceModel,
  type TokenBatch,
} from "@mmgen/core";
import { fields, resolveOptions, seededRandom } from "@mmgen/core/options";
import {
  compilesFunctions,
  Linear,
  type LoadOptions,
  loadModel,
  Module,
  resolveSaveOptions,
  type SaveOptions,
  saveModel,
  type TensorFunction,
  type TensorTrainable,
  type UploadedBatch,
} from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import {
  type CachedStep,
  flattenStep,
  groupStep,
  type KeysAndValues,
  runCachedStep,
  runPrefill,
} from "../decoding/cached-passes.js";
import { type Pause, pauseBetweenBlocks } from "../decoding/decode-plan.js";
import { KeyValueCache, startDecoding } from "../decoding/key-value-cache.js";
import { PlanRunner } from "../decoding/plan-runner.js";
import {
  batchLoss,
  readFloats,
  type TransformerAux,
  type TransformerBatch,
  type TransformerTensors,
  targetLosses,
  tensorLoss,
  uploadBatch,
  uploadTokens,
} from "./target-losses.js";
import { checkIdTensor, checkStep, checkTokens } from "./token-checks.js";
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

/**
 * Small GPT over token ids: pre-norm blocks of attention and feed-forward parts, a final layer norm, and an output
 * layer. For training, scoring, and generation with a key-value cache.
 *
 * `forward` and methods with `Tensor` in their names borrow and return tensors and do not check ids; the others take
 * typed arrays.
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
  readonly #plans = new PlanRunner(this, (fn) => this.compiled(fn));

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
    // Weights and position are inputs of the compiled function, so that training or a new position needs no new trace.
    this.#step = this.compiled((ids, position, ...cached) => {
      const caches = { keys: cached.slice(0, layers), values: cached.slice(layers) };
      // A prompt is never empty.
      return flattenStep(runCachedStep(this, ids!, position as tf.Tensor1D, caches, 1));
    });
  }

  /**
   * Creates a transformer with random weights.
   *
   * @param options - See {@link TransformerOptions}.
   * @param draw - `random`: random stream of the weights; the same seed gives the same model.
   * @throws a {@link ConfigError} when the options are not valid, before anything is allocated.
   */
  static create(options: TransformerOptions, draw: { readonly random: Random }): TinyTransformer {
    const { random } = resolveOptions(fields({ random: seededRandom() }), draw === undefined ? {} : draw);
    return new TinyTransformer(resolveTransformer(options)).initializeWeights(random, { streams: "shared" });
  }

  /**
   * Loads a transformer that {@link TinyTransformer.toSafetensors} wrote.
   *
   * @throws a `CheckpointError` when the file is damaged, of another kind of model or beyond a limit.
   */
  static fromSafetensors(bytes: Uint8Array, options: LoadOptions = {}): TinyTransformer {
    return loadModel(bytes, transformerFormat, (file) => new TinyTransformer(readTransformerConfig(file)), options);
  }

  /**
   * Saves weights with nanoGPT's names in PyTorch's layouts, configuration and `run`, the training run's id, beside.
   *
   * @param options - `dtype`: `float32`, or `float16` or `q8` for a file of half or a quarter of the size.
   */
  async toSafetensors(options: SaveOptions = {}): Promise<Uint8Array> {
    return saveModel(this, transformerFormat, { config: this.config, ...resolveSaveOptions(options) });
  }

  /**
   * Loads a transformer from a safetensors file that a PyTorch program wrote.
   *
   * @throws a `CheckpointError` that lists what is missing, left over or of another shape; a {@link ConfigError} when
   *   the configuration is not valid.
   */
  static loadPyTorch(bytes: Uint8Array, options: PyTorchOptions): TinyTransformer {
    const { config, names } = resolvePyTorch(options);
    return new TinyTransformer(config).importStateDict(bytes, names);
  }

  /** Saves a safetensors file for `load_state_dict` of a PyTorch program with these names, nanoGPT's when absent. */
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
   * Downloads nothing, and uploads only ids, targets, weights and, in training, dropout masks.
   *
   * @returns `total`, and the same value as metric `natsPerId`, both 0 where all weights are; yours to dispose.
   *   `targetWeight` is the sum of the weights, or the number of targets.
   * @throws a `ShapeError`, `VocabularyError` or `DataError` when the batch does not fit the model.
   */
  loss(batch: TransformerBatch, options: LossOptions): LossResult<tf.Scalar, TransformerAux> {
    this.checkUsable();
    return batchLoss(this, batch, options);
  }

  /** Checks a batch as {@link TinyTransformer.loss} does, and gives it as {@link TinyTransformer.lossTensor} takes it. */
  uploadBatch(batch: TransformerBatch): UploadedBatch {
    this.checkUsable();
    return uploadBatch(this, batch);
  }

  /**
   * {@link TinyTransformer.loss} of tensors, whose ids are not checked, for custom graphs and for export: the result has no
   * `targetWeight`, which would have to be read.
   *
   * @throws a `ShapeError` when a shape does not fit the model or the others.
   */
  lossTensor(batch: TransformerTensors, options: LossOptions): LossResult<tf.Scalar, TransformerAux> {
    this.checkUsable();
    return tensorLoss(this, batch, options);
  }

  /** Negative log-likelihood of each target in nats, without dropout and unweighted, `[count, length]` row-major. */
  async lossPerPosition(batch: Omit<TransformerBatch, "weights">): Promise<Float32Array> {
    this.checkUsable();
    return readFloats(tf.tidy(() => targetLosses(batch, this)));
  }

  /**
   * Forward pass: logits at every position, without dropout; differentiable.
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
    return readFloats(tf.tidy(() => this.forward(uploadTokens(ids))));
  }

  /** Runs prompts and returns a decoding that continues them; see {@link SequenceModel}. */
  async prefill(ids: TokenBatch): Promise<SequenceDecoding> {
    checkTokens("prompt", ids, this.vocabularySize, this.contextLength);
    const prompt = uploadTokens(ids);
    try {
      return await startDecoding(this, this.prefillTensor(prompt));
    } finally {
      prompt.dispose();
    }
  }

  /**
   * Runs a whole `DecodePlan` on the backend, including the choice of ids, in loops where it has them: many times as
   * fast as single steps. The ids are the same, except that the last bits of the logits may differ and decide a close choice.
   * `undefined` when the backend does not compile functions or the model is not causal.
   *
   * The function throws a `ShapeError`, `VocabularyError` or `GrammarError` when the plan does not fit the model.
   */
  get decode(): SequenceModel["decode"] {
    return this.config.causal && compilesFunctions()
      ? (plan, options) => this.#run(options, (pause) => this.#plans.decode(plan, { pause }))
      : undefined;
  }

  /** Runs a whole `DenoisePlan` on the backend, as `decode` does; `undefined` for a causal model. */
  get denoise(): Denoiser["denoise"] {
    return !this.config.causal && compilesFunctions()
      ? (plan, options) => this.#run(options, (pause) => this.#plans.denoise(plan, { pause }))
      : undefined;
  }

  async #run<Result>(options: NativeRunOptions = {}, work: (pause: Pause) => Promise<Result>): Promise<Result> {
    this.checkUsable();
    return work(() => pauseBetweenBlocks(options.signal).then(() => this.checkUsable()));
  }

  /**
   * Runs prompts and returns logits and a key-value cache.
   *
   * @param ids - `[batch, time]` int32, 1 ≤ time ≤ contextLength; borrowed.
   * @returns `logits` after the last id, `[batch, vocabularySize]`, and the cache; both yours to dispose.
   * @throws a {@link ConfigError} when the model is not causal.
   */
  prefillTensor(ids: tf.Tensor): { readonly logits: tf.Tensor2D; readonly cache: KeyValueCache } {
    this.checkUsable();
    checkIdTensor(ids, this.contextLength);
    if (!this.config.causal) {
      throw new ConfigError("A transformer with causal: false cannot continue a prompt; use logits instead.");
    }
    const { logits, keys, values } = runPrefill(this, ids);
    return { logits, cache: new KeyValueCache(this, keys, values, ids.shape[1]!) };
  }

  /**
   * Runs one id per row at the position after the cached ones, and adds it to the cache.
   *
   * @param ids - `[batch]` int32; borrowed.
   * @param cache - From this model's {@link TinyTransformer.prefillTensor}; changed.
   * @returns Logits after the id, `[batch, vocabularySize]`; yours to dispose.
   * @throws a `ShapeError` when the cache is full or has another number of rows; {@link ConfigError} when the cache
   * belongs to another model.
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
   * {@link TinyTransformer.stepTensor} as a pure function from caches to caches, for custom graphs and for export.
   *
   * @param ids - `[batch]` int32; borrowed.
   * @param position - Position of the ids in their rows, `[1]` int32; borrowed.
   * @param caches - For each layer keys and values, `[batch, heads, contextLength, width / heads]`, zero from
   *   `position` on; borrowed.
   * @returns Logits, `[batch, vocabularySize]`, and caches that include the new ids; yours, or the open tidy's.
   */
  stepWithCaches(ids: tf.Tensor1D, position: tf.Tensor1D, caches: KeysAndValues): CachedStep {
    this.checkUsable();
    return runCachedStep(this, ids, position, caches);
  }
}
