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
  type Trainable,
} from "@mmgen/core";
import { assignSafetensors, causalMask, normal, runsLoopsNatively, variable, weightsToSafetensors } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { checkpointMetadata, readCheckpoint } from "./checkpoint.js";
import { compileDecode } from "./compiled-decode.js";
import { type CachedStep, compileStep, runCachedStep, runPrefill } from "./compiled-step.js";
import { checkPlan, choiceSettings, runPlan } from "./decode-plan.js";
import { KeyValueCache } from "./key-value-cache.js";
import { makePositionTables } from "./positions.js";
import { fromPyTorch, type PyTorchOptions, toPyTorch } from "./pytorch.js";
import { type TransformerBatch, targetLosses, uploadTokens } from "./target-losses.js";
import { checkIdTensor, checkStep, checkTokens, checkVocabulary, normalizeWeights } from "./token-checks.js";
import { resolveTransformer, type TransformerConfig, type TransformerOptions } from "./transformer-config.js";
import { TransformerDecoding } from "./transformer-decoding.js";
import { type GraphInputs, runHead, runRows } from "./transformer-graph.js";
import { type PlannedWeight, planWeights } from "./weight-plan.js";

/** The transformer hands nothing from `loss` to `afterStep`. */
export type TransformerAux = Readonly<Record<string, never>>;

type TransformerTraining = Trainable<TransformerBatch, tf.Variable, tf.Scalar, TransformerAux>;

/**
 * A small GPT over token ids: pre-norm blocks of attention and feed-forward parts, a final layer norm, and an output
 * layer. Trains, scores, and generates with a key-value cache.
 *
 * `forward` and methods with `Tensor` in their names borrow and give tensors and check no ids; the others take typed arrays.
 */
export class TinyTransformer implements TransformerTraining, SequenceModel, Denoiser {
  /** The configuration with every default filled in. */
  readonly config: TransformerConfig;
  /** Weights by checkpoint name, in a fixed order. */
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  /** Empty: everything is learned by gradients. */
  readonly buffers: ReadonlyMap<string, tf.Variable> = new Map();
  readonly #inputs: GraphInputs;
  readonly #step: ReturnType<typeof compileStep>;
  /** For the settings of the last plan, which decide its graph. */
  #decode: { readonly key: string; readonly run: ReturnType<typeof compileDecode> } | undefined;
  #disposed = false;

  private constructor(config: TransformerConfig, initial: (weight: PlannedWeight) => tf.Tensor) {
    this.config = config;
    this.parameters = new Map(
      [...planWeights(config)].map(([name, weight]) => [name, variable(() => initial(weight))] as const),
    );
    const tables = makePositionTables(config);
    const mask = config.causal ? causalMask(config.contextLength) : undefined;
    for (const table of [...Object.values(tables), ...(mask ? [mask] : [])]) {
      tf.keep(table);
    }
    this.#inputs = { weights: this.parameters, tables, ...(mask && { mask }) };
    this.#step = compileStep(this.#inputs, config);
  }

  /**
   * A transformer with fresh weights.
   *
   * @throws a {@link ConfigError} when the configuration is not valid, before anything is allocated.
   */
  static create(config: TransformerOptions, { random }: { readonly random: Random }): TinyTransformer {
    return new TinyTransformer(resolveTransformer(config), ({ shape, initial }) => {
      if (initial === "zeros") {
        return tf.zeros([...shape]);
      }
      return initial === "ones"
        ? tf.ones([...shape])
        : normal(shape, { random, standardDeviation: initial.standardDeviation });
    });
  }

  /**
   * The transformer that {@link TinyTransformer.toSafetensors} wrote.
   *
   * @throws a `CheckpointError` when the file is damaged or another model's.
   */
  static fromSafetensors(bytes: Uint8Array): TinyTransformer {
    const { content, config } = readCheckpoint(bytes);
    const model = new TinyTransformer(config, ({ shape }) => tf.zeros([...shape]));
    try {
      assignSafetensors(model.parameters, content);
      return model;
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /** Weights under nanoGPT's names and in PyTorch's layouts, with the configuration in the metadata. */
  toSafetensors(): Promise<Uint8Array> {
    this.#assertAlive();
    return weightsToSafetensors(this.parameters, { metadata: checkpointMetadata(this.config) });
  }

  /**
   * The transformer of a safetensors file that a PyTorch program wrote.
   *
   * @throws a `CheckpointError` that lists what is missing, left over or of another shape; a {@link ConfigError} when the
   * configuration is not valid.
   */
  static loadPyTorch(bytes: Uint8Array, options: PyTorchOptions): TinyTransformer {
    return TinyTransformer.fromSafetensors(fromPyTorch(bytes, options));
  }

  /** A safetensors file for `load_state_dict` of the PyTorch program with these names, nanoGPT's when absent. */
  async savePyTorch({ names }: Pick<PyTorchOptions, "names"> = {}): Promise<Uint8Array> {
    return toPyTorch(await this.toSafetensors(), names);
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
    this.#assertAlive();
    const shares = batch.weights && normalizeWeights(batch.weights, batch.targets);
    const total = tf.tidy(() => {
      const draws = training && this.config.dropout > 0 ? random : undefined;
      const losses = targetLosses(batch, this.#inputs, this.config, draws); // [count · length]
      return shares ? tf.sum(tf.mul(losses, tf.tensor1d(shares))) : tf.mean(losses);
    }) as tf.Scalar;
    return { total, metrics: { natsPerId: tf.clone(total) }, aux: {} };
  }

  /** Each target's negative log-likelihood in nats, without dropout and unweighted, `[count, length]` row-major. */
  async lossPerPosition(batch: Omit<TransformerBatch, "weights">): Promise<Float32Array> {
    this.#assertAlive();
    const losses = tf.tidy(() => targetLosses(batch, this.#inputs, this.config));
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
    this.#assertAlive();
    checkIdTensor(ids, this.contextLength);
    return tf.tidy(() => runHead(runRows(ids, this.#inputs, this.config), this.#inputs, this.config)) as tf.Tensor3D;
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
    this.#assertAlive();
    checkPlan(plan, this.vocabularySize, this.contextLength);
    const settings = choiceSettings(plan);
    const key = JSON.stringify(settings);
    if (this.#decode?.key !== key) {
      this.#decode = { key, run: compileDecode(this.#inputs, this.config, settings) };
    }
    return runPlan(plan, this.#decode.run, this.vocabularySize);
  }

  /**
   * Runs a prompt through and keeps what its positions leave for later ones.
   *
   * @param ids - `[batch, time]` int32, 1 ≤ time ≤ contextLength; borrowed.
   * @returns `logits` after the last id, `[batch, vocabularySize]`, and the cache; both yours to dispose.
   * @throws a {@link ConfigError} when the model is not causal.
   */
  prefillTensor(ids: tf.Tensor): { readonly logits: tf.Tensor2D; readonly cache: KeyValueCache } {
    this.#assertAlive();
    checkIdTensor(ids, this.contextLength);
    if (!this.config.causal) {
      throw new ConfigError("A transformer with causal: false cannot go on from a prompt; use logits instead.");
    }
    const { logits, keys, values } = runPrefill(ids, this.#inputs, this.config);
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
    this.#assertAlive();
    const { keys, values } = cache.read(this);
    checkStep(ids, cache, this.contextLength);
    const position = tf.tensor1d([cache.length], "int32");
    try {
      const next = this.#step(ids, position, keys, values);
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
  stepWithCaches(
    ids: tf.Tensor1D,
    position: tf.Tensor1D,
    caches: { readonly keys: readonly tf.Tensor[]; readonly values: readonly tf.Tensor[] },
  ): CachedStep {
    this.#assertAlive();
    return runCachedStep(ids, position, caches.keys, caches.values, this.#inputs, this.config);
  }

  /** Frees weights and tables; safe to call twice. Caches are freed by their holders. */
  dispose(): void {
    if (!this.#disposed) {
      this.#disposed = true;
      tf.dispose([...this.parameters.values(), ...Object.values(this.#inputs.tables), this.#inputs.mask ?? []]);
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #assertAlive(): void {
    if (this.#disposed) {
      throw new ConfigError("This TinyTransformer is disposed; create or load another.");
    }
  }
}
