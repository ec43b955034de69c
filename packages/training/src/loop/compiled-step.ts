import type { Random } from "@mmgen/core";
import { compilesFunctions } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { formOf, RecordedForm } from "./recorded-form.js";
import { type LossOfTensors, namedNumbers, numbersOf, recordStep } from "./recorded-step.js";
import { expectTargets, type StepContext, type StepMetrics, stackMetrics, trainingStep } from "./training-step.js";

/** What a {@link CompiledStep} steps. */
export type StepParts<Batch, Aux> = Pick<StepContext<Batch, Aux>, "model" | "optimizer" | "average" | "adversary">;

/** What differs from step to step. */
export type StepInputs<Batch> = Pick<StepContext<Batch, unknown>, "learningRate" | "adversaryRate" | "random"> & {
  readonly batch: Batch;
  /** The random numbers of the step after it, where there will be one; borrowed. */
  readonly nextRandom?: Random | undefined;
};

/** The loss by which a model's steps can be compiled; undefined where it or the backend offers none. */
export function compiledLoss<Batch, Aux>({ model }: StepParts<Batch, Aux>): LossOfTensors<Aux> | undefined {
  const loss = model.lossTensor?.bind(model) as LossOfTensors<Aux> | undefined;
  return model.uploadBatch !== undefined && compilesFunctions() ? loss : undefined;
}

/**
 * Takes training steps. Where the backend compiles functions and the model tells its batch from its loss
 * (`uploadBatch`, `lossTensor`), the whole step is recorded once for each form of batch; afterwards a step hands over its
 * batch, numbers and draws, and nothing of the model is called. Elsewhere, and where the step reads values or the optimizer
 * computes with its number, each step runs by itself.
 */
export class CompiledStep<Batch, Aux> {
  readonly #parts: StepParts<Batch, Aux>;
  readonly #forms = new Map<string, { readonly names: readonly string[]; readonly form: RecordedForm }>();
  #loss: LossOfTensors<Aux> | undefined;
  #refusal: unknown;

  constructor(parts: StepParts<Batch, Aux>) {
    this.#parts = parts;
    this.#loss = compiledLoss(parts);
  }

  /** Whether steps are compiled; known after the first one. */
  get isCompiled(): boolean {
    return this.#loss !== undefined;
  }

  /** Why steps are not compiled, where the model and the backend offer it; known after the first one. */
  get refusal(): unknown {
    return this.#refusal;
  }

  /**
   * Takes a step. Reads nothing back. A compiled step that fails changes nothing.
   *
   * @returns The step's metrics; `values` is yours to dispose.
   * @throws a `DataError` when the batch has no target.
   */
  step(inputs: StepInputs<Batch>): StepMetrics {
    return (this.#loss && this.#compiledStep(inputs)) ?? trainingStep({ ...this.#parts, ...inputs });
  }

  #compiledStep({ batch, nextRandom, random, ...rates }: StepInputs<Batch>): StepMetrics | undefined {
    const { adversary, model, optimizer } = this.#parts;
    return tf.tidy(() => {
      const { tensors, targetWeight } = model.uploadBatch!(batch, { step: optimizer.steps });
      expectTargets(targetWeight);
      const numbers = numbersOf(this.#parts, rates);
      const key = formOf(tensors);
      const known = this.#forms.get(key);
      let recorded = known;
      let values: tf.Tensor1D;
      try {
        recorded ??= this.#recorded(tensors, numbers.length);
        values = recorded.form.run(tensors, numbers, random, nextRandom)[0] as tf.Tensor1D;
      } catch (error) {
        if (known !== undefined) {
          throw error;
        }
        return this.#giveUp(error);
      }
      this.#forms.set(key, recorded);
      optimizer.count();
      adversary?.count();
      return { names: recorded.names, values, weight: targetWeight } as StepMetrics & tf.TensorContainerObject;
    });
  }

  /** Frees what it draws with. */
  dispose(): void {
    for (const { form } of this.#forms.values()) {
      form.dispose();
    }
  }

  /** A form that cannot be recorded: what is wrong, if anything, shows where the step runs by itself. */
  #giveUp(error: unknown): undefined {
    this.#loss = undefined;
    this.#refusal = error;
    return undefined;
  }

  #recorded(batch: tf.NamedTensorMap, numbers: number) {
    const { average, adversary, model, optimizer } = this.#parts;
    const parts = { model, optimizer, average, adversary, loss: this.#loss! };
    let names: readonly string[] = [];
    const form = RecordedForm.record(parts, { batch, numbers }, (inputs) => {
      const metrics = recordStep(parts, { ...inputs, ...namedNumbers(parts, inputs.numbers) });
      names = Object.keys(metrics);
      return [stackMetrics(Object.values(metrics))];
    });
    return { form, names };
  }
}
