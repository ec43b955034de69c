import type { Random } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { compiledLoss } from "../loop/compiled-step.js";
import { formOf, RecordedForm } from "../loop/recorded-form.js";
import { type LossOfTensors, namedNumbers, numbersOf, recordedOptions } from "../loop/recorded-step.js";
import { lossAndGradients, type StepContext, stackMetrics } from "../loop/training-step.js";
import { flatten, type PartLayout, type PartPlace, type PartValues, readPart, type StepParts } from "./part-values.js";

/**
 * The two halves of a step whose sums lie between them: a part's gradients, and the update from the sums of all. Where the
 * backend and the model allow, each is recorded once and then only fed, as a whole step of one process is.
 */
export class CompiledParts<Batch, Aux> {
  readonly #parts: StepParts<Batch, Aux>;
  readonly #forms = new Map<string, { readonly form: RecordedForm; readonly layout: PartLayout }>();
  #loss: LossOfTensors<Aux> | undefined;
  #refusal: unknown;
  #update: RecordedForm | undefined;

  constructor(parts: StepParts<Batch, Aux>) {
    this.#parts = parts;
    this.#loss = compiledLoss(parts);
  }

  /** Whether the halves are compiled; known after the first step. */
  get isCompiled(): boolean {
    return this.#loss !== undefined;
  }

  /** Why they are not, where the model and the backend offer it; known after the first step. */
  get refusal(): unknown {
    return this.#refusal;
  }

  /** Computes a part of a step, as {@link readPart}. */
  async read(batch: Batch, random: Random, place: PartPlace): Promise<PartValues> {
    const part = this.#loss && this.#run(batch, random, place);
    if (part === undefined) {
      return readPart(this.#parts, batch, random, place);
    }
    const { flat, layout, weight } = part;
    try {
      return { layout, weight, values: (await flat.data()) as Float32Array };
    } finally {
      flat.dispose();
    }
  }

  /**
   * Optimizer, weight average and buffers, from sums over all parts.
   *
   * @param sums - `[numbers before the metrics]`; borrowed.
   * @param total - What the sums of gradients are divided by.
   * @returns The norms of the gradients: the model's, and its adversary's.
   */
  async update(
    layout: PartLayout,
    sums: Float32Array,
    {
      total,
      ...rates
    }: Pick<StepContext<Batch, unknown>, "learningRate" | "adversaryRate"> & { readonly total: number },
  ): Promise<Float32Array> {
    const norms = tf.tidy(() => {
      const batch = { sums: tf.tensor1d(sums.slice()) };
      const numbers = [total, ...numbersOf(this.#parts, rates)];
      return (
        (this.#loss && this.#compiledUpdate(layout, batch, numbers)) ?? this.#plainUpdate(layout, batch, total, rates)
      );
    });
    try {
      return (await norms.data()) as Float32Array;
    } finally {
      norms.dispose();
    }
  }

  #run(batch: Batch, random: Random, place: PartPlace) {
    const { model, optimizer } = this.#parts;
    return tf.tidy(() => {
      const { tensors, targetWeight: weight } = model.uploadBatch!(batch, { step: optimizer.steps });
      const key = `${place.part};${formOf(tensors)}`;
      const known = this.#forms.get(key);
      try {
        const recorded = known ?? this.#recorded(tensors, place);
        const flat = recorded.form.run(tensors, [], random)[0]! as tf.Tensor1D;
        this.#forms.set(key, recorded);
        return { flat, layout: recorded.layout, weight } as unknown as tf.TensorContainerObject;
      } catch (error) {
        if (known !== undefined) {
          throw error;
        }
        return this.#giveUp(error);
      }
    }) as unknown as { readonly flat: tf.Tensor1D; readonly layout: PartLayout; readonly weight?: number } | undefined;
  }

  #recorded(batch: tf.NamedTensorMap, place: PartPlace) {
    const { model } = this.#parts;
    const { adversary, buffers, parameters } = model;
    const taped = { parameters, buffers, adversary, loss: this.#loss! };
    let layout: PartLayout | undefined;
    const form = RecordedForm.record(this.#parts, { batch, numbers: 0 }, ({ batch, random }) => {
      const kept: tf.Tensor[] = [];
      try {
        const options = recordedOptions(random.fork("loss").fork(place.part));
        const found = lossAndGradients<tf.NamedTensorMap, Aux>(taped, batch, options, kept);
        const sums = model.partSums?.(found.aux, { ...place, random: random.fork("after-step") }) ?? {};
        const part = flatten(this.#parts, { ...found, sums });
        layout = part.layout;
        return [part.values];
      } finally {
        tf.dispose(kept);
      }
    });
    return { form, layout: layout! };
  }

  #compiledUpdate(layout: PartLayout, batch: tf.NamedTensorMap, numbers: readonly number[]): tf.Tensor1D | undefined {
    const { adversary, average, model, optimizer } = this.#parts;
    const known = this.#update;
    const record = () =>
      RecordedForm.record(this.#parts, { batch, numbers: numbers.length }, ({ batch, numbers: [total, ...rest] }) => {
        const { adversaryRate, learningRate, shares, step } = namedNumbers(this.#parts, rest);
        const { gradients, ofAdversary, sums } = namedSums(layout, batch.sums as tf.Tensor1D, total!);
        const norms = [optimizer.record(gradients, { learningRate, step })];
        if (adversary !== undefined) {
          norms.push(adversary.record(ofAdversary, { learningRate: adversaryRate!, step }));
        }
        if (shares !== undefined) {
          average?.record(shares);
        }
        model.afterParts?.(sums);
        return [stackMetrics(norms)];
      });
    try {
      const form = known ?? record();
      const norms = form.run(batch, numbers)[0] as tf.Tensor1D;
      this.#update = form;
      optimizer.count();
      adversary?.count();
      return norms;
    } catch (error) {
      if (known !== undefined) {
        throw error;
      }
      return this.#giveUp(error);
    }
  }

  #plainUpdate(
    layout: PartLayout,
    batch: { readonly sums: tf.Tensor1D },
    total: number,
    { learningRate, adversaryRate = learningRate }: Pick<StepContext<Batch, unknown>, "learningRate" | "adversaryRate">,
  ): tf.Tensor1D {
    const { adversary, average, model, optimizer } = this.#parts;
    const { gradients, ofAdversary, sums } = namedSums(layout, batch.sums, tf.scalar(total));
    const norms = [optimizer.update(gradients, learningRate)];
    if (adversary !== undefined) {
      norms.push(adversary.update(ofAdversary, adversaryRate));
    }
    average?.update(optimizer.steps);
    model.afterParts?.(sums);
    return stackMetrics(norms);
  }

  /** What cannot be recorded: what is wrong, if anything, shows where the step runs by itself. */
  #giveUp(error: unknown): undefined {
    this.#loss = undefined;
    this.#refusal = error;
    return undefined;
  }
}

/** The tensors of a layout by name; of gradients the means. */
function namedSums(layout: PartLayout, flat: tf.Tensor1D, total: tf.Scalar) {
  const named = (kind: PartLayout["tensors"][number]["kind"]) =>
    Object.fromEntries(
      layout.tensors
        .filter((tensor) => tensor.kind === kind)
        .map(({ name, shape, start, size }) => {
          const tensor = tf.reshape(tf.slice1d(flat, start, size), [...shape]);
          return [name, kind === "sum" ? tensor : tf.div(tensor, total)] as const;
        }),
    );
  return { gradients: named("gradient"), ofAdversary: named("adversary"), sums: named("sum") };
}
