import type { Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { compiledLoss, type StepInputs, type StepParts } from "../loop/compiled-step.js";
import { formOf, type RecordedForm } from "../loop/recorded-form.js";
import { type LossOfTensors, numbersOf } from "../loop/recorded-step.js";
import type { ReadMetrics } from "../loop/training-step.js";
import { accumulatedStep, type BatchParts } from "./accumulated-step.js";
import { PartMetrics } from "./part-metrics.js";
import { addGradients, type PartForm, recordPart, recordUpdate } from "./recorded-parts.js";

/** What differs from step to step. */
export type PartInputs<Batch> = BatchParts<Batch> &
  Pick<StepInputs<Batch>, "learningRate" | "adversaryRate" | "random">;

/** A part of a step, computed. */
interface ComputedPart {
  readonly form: PartForm;
  readonly metrics: tf.Tensor1D;
  /** Of all parameters, in their order, the adversary's last. */
  readonly gradients: tf.Tensor[];
  /** For `afterStep`. */
  readonly aux: tf.Tensor[];
  readonly weight: number | undefined;
}

/**
 * Takes steps on batches in parts, as {@link accumulatedStep} does. Where the backend and the model allow, two halves are
 * recorded, once for each form of batch: the gradients of a part, and the update from their sums, which stay where they were
 * computed. Elsewhere each step runs by itself.
 */
export class CompiledAccumulation<Batch, Aux> {
  readonly #parts: StepParts<Batch, Aux>;
  readonly #forms = new Map<string, PartForm>();
  /** By the forms of the parts. */
  readonly #updates = new Map<string, RecordedForm>();
  readonly #addAll = addGradients();
  #loss: LossOfTensors<Aux> | undefined;
  #refusal: unknown;

  constructor(parts: StepParts<Batch, Aux>) {
    this.#parts = parts;
    this.#loss = compiledLoss(parts);
  }

  /** Whether both halves are compiled; known after the first step. */
  get isCompiled(): boolean {
    return this.#loss !== undefined;
  }

  /** Why they are not, where the model and the backend offer it; known after the first step. */
  get refusal(): unknown {
    return this.#refusal;
  }

  /**
   * Takes a step. Reads once a part, metrics alone, and once at the end. A step that fails before its update changes nothing.
   *
   * @throws a `DataError` when no part has a target.
   */
  async step(inputs: PartInputs<Batch>): Promise<ReadMetrics> {
    const taken = this.#loss && (await this.#compiledStep(inputs));
    return taken ?? (await accumulatedStep({ ...this.#parts, ...inputs }));
  }

  /** Frees what it draws with. */
  dispose(): void {
    for (const form of [...[...this.#forms.values()].map(({ form }) => form), ...this.#updates.values()]) {
      form.dispose();
    }
  }

  /** Gives nothing where a half cannot be recorded, and has then changed nothing. */
  async #compiledStep({ batchOf, parts, random, ...rates }: PartInputs<Batch>): Promise<ReadMetrics | undefined> {
    const ofParts = new PartMetrics();
    const computed: ComputedPart[] = [];
    let sums: readonly tf.Tensor[] = [];
    try {
      for (let part = 0; part < parts; part++) {
        const found = this.#compute(await batchOf(part), random.fork("loss").fork(part));
        if (found === undefined) {
          return undefined;
        }
        computed.push(found);
        const factor = ofParts.factorOf(found.weight);
        if (factor !== 0) {
          sums = sums.length === 0 ? found.gradients : this.#add(sums, found.gradients, factor);
        }
        if (sums !== found.gradients) {
          tf.dispose(found.gradients);
        }
        await ofParts.add(found.metrics, found.weight);
      }
      ofParts.expectTargets();
      const norms = this.#update(sums, computed, { ...rates, random, total: ofParts.total });
      return norms && (await ofParts.ofStep(computed[0]!.form.names, norms));
    } finally {
      tf.dispose([...sums, ...computed.flatMap(({ aux, gradients, metrics }) => [...aux, ...gradients, metrics])]);
    }
  }

  #compute(batch: Batch, random: Random): ComputedPart | undefined {
    const { model, optimizer } = this.#parts;
    let computed: ComputedPart | undefined;
    tf.tidy(() => {
      const { tensors, targetWeight: weight } = model.uploadBatch!(batch, { step: optimizer.steps });
      const key = formOf(tensors);
      const known = this.#forms.get(key);
      try {
        const form = known ?? recordPart(this.#parts, this.#loss!, tensors);
        const results = form.form.run(tensors, [], random).map((result) => tf.keep(result));
        this.#forms.set(key, form);
        const [metrics, ...rest] = results as [tf.Tensor1D, ...tf.Tensor[]];
        const aux = rest.splice(form.gradients);
        computed = { form, metrics, gradients: rest, aux, weight };
      } catch (error) {
        if (known !== undefined) {
          throw error;
        }
        this.#giveUp(error);
      }
    });
    return computed;
  }

  /** The sums with the gradients; the sums before are disposed. */
  #add(sums: readonly tf.Tensor[], gradients: readonly tf.Tensor[], factor: number): tf.Tensor[] {
    const added = tf.tidy(() => this.#addAll(...sums, ...gradients, tf.scalar(factor)).map((sum) => tf.keep(sum)));
    tf.dispose([...sums]);
    return added;
  }

  /** Moves everything, and gives the norms, which are the caller's; nothing where that cannot be recorded. */
  #update(
    sums: readonly tf.Tensor[],
    computed: readonly ComputedPart[],
    {
      random,
      total,
      ...rates
    }: Pick<StepInputs<Batch>, "learningRate" | "adversaryRate" | "random"> & { readonly total: number },
  ): tf.Tensor1D | undefined {
    const { adversary, optimizer } = this.#parts;
    const forms = computed.map(({ form }) => form);
    const given = [...sums, ...computed.flatMap(({ aux }) => aux)];
    const tensors = Object.fromEntries(given.map((tensor, i) => [`tensor ${i}`, tensor]));
    const numbers = [total, ...numbersOf(this.#parts, rates)];
    const key = formOf(tensors);
    const known = this.#updates.get(key);
    try {
      const update = known ?? recordUpdate(this.#parts, forms, { batch: tensors, numbers: numbers.length });
      const [norms] = tf.tidy(() => update.run(tensors, numbers, random));
      this.#updates.set(key, update);
      optimizer.count();
      adversary?.count();
      return norms as tf.Tensor1D;
    } catch (error) {
      if (known !== undefined) {
        throw error;
      }
      return this.#giveUp(error);
    }
  }

  /** What cannot be recorded: what is wrong, if anything, shows where the step runs by itself. */
  #giveUp(error: unknown): undefined {
    this.#loss = undefined;
    this.#refusal = error;
    return undefined;
  }
}
