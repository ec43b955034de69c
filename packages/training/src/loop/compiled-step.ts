import type { CounterKey, Random } from "@mmgen/core";
import {
  compile,
  compilesFunctions,
  computesAtOnce,
  type DrawnNumbers,
  type DrawnTensor,
  drawnMask,
  drawsInGraph,
  drawTensor,
  type TensorFunction,
  uploadKeys,
  uploadOwned,
} from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { type Held, HeldValues } from "../checkpoints/held-values.js";
import { type ModelVariables, modelVariables } from "../checkpoints/stored-variables.js";
import type { AverageShares } from "../optimizers/weight-average.js";
import { type LossOfTensors, type RecordedInputs, type RecordedParts, recordStep } from "./recorded-step.js";
import { expectTargets, type StepContext, type StepMetrics, stackMetrics, trainingStep } from "./training-step.js";

/** What a {@link CompiledStep} steps. */
export type StepParts<Batch, Aux> = Pick<StepContext<Batch, Aux>, "model" | "optimizer" | "average" | "adversary">;

/** What differs from step to step. */
export type StepInputs<Batch> = Pick<StepContext<Batch, unknown>, "learningRate" | "adversaryRate" | "random"> & {
  readonly batch: Batch;
};

/** A draw of a step: the stream, as the labels that lead to it from the step's own, and what is drawn from it. */
interface StepDraw {
  readonly labels: readonly (string | number)[];
  readonly drawn: DrawnTensor;
}

/** A step of batches of one form. */
interface RecordedForm {
  readonly names: readonly string[];
  readonly draws: readonly StepDraw[];
  /** The last step's draws, to be written again. */
  readonly arrays: (DrawnNumbers | undefined)[];
  readonly run: TensorFunction;
}

/**
 * Takes training steps. Where the backend compiles functions and the model tells its batch from its loss
 * (`uploadBatch`, `lossTensor`), the whole step is recorded once for each form of batch; afterwards a step hands over its
 * batch, numbers and draws, and nothing of the model is called. Elsewhere, and where the step reads values or the optimizer
 * computes with its number, each step runs by itself.
 */
export class CompiledStep<Batch, Aux> {
  readonly #parts: StepParts<Batch, Aux>;
  readonly #loss: LossOfTensors<Aux> | undefined;
  readonly #forms = new Map<string, RecordedForm>();
  #isCompiled: boolean;

  constructor(parts: StepParts<Batch, Aux>) {
    const { model } = parts;
    this.#parts = parts;
    this.#loss = model.lossTensor?.bind(model) as LossOfTensors<Aux> | undefined;
    this.#isCompiled = this.#loss !== undefined && model.uploadBatch !== undefined && compilesFunctions();
  }

  /** Whether steps are compiled; known after the first one. */
  get isCompiled(): boolean {
    return this.#isCompiled;
  }

  /**
   * Takes a step. Reads nothing back. A compiled step that fails changes nothing.
   *
   * @returns The step's metrics; `values` is yours to dispose.
   * @throws a `DataError` when the batch has no target.
   */
  step(inputs: StepInputs<Batch>): StepMetrics {
    return (this.#isCompiled ? this.#compiledStep(inputs) : undefined) ?? trainingStep({ ...this.#parts, ...inputs });
  }

  #compiledStep({
    batch,
    learningRate,
    adversaryRate = learningRate,
    random,
  }: StepInputs<Batch>): StepMetrics | undefined {
    const { average, adversary, model, optimizer } = this.#parts;
    return tf.tidy(() => {
      const { tensors, targetWeight } = model.uploadBatch!(batch, { step: optimizer.steps });
      expectTargets(targetWeight);
      const key = Object.entries(tensors)
        .map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape}`)
        .join(";");
      const known = this.#forms.get(key);
      const form = known ?? this.#recorded(tensors);
      if (form === undefined) {
        return undefined;
      }
      const step = optimizer.steps + 1;
      const shares = average?.shares(step);
      const ofAverage = shares ? [shares.kept, shares.added] : [];
      const numbers = [learningRate, step, ...(adversary ? [adversaryRate] : []), ...ofAverage];
      const inputs = [...Object.values(tensors), ...numbers.map((number) => tf.scalar(number)), ...draw(form, random)];
      let values: tf.Tensor1D;
      try {
        values = form.run(...inputs)[0] as tf.Tensor1D;
      } catch (error) {
        if (known !== undefined) {
          throw error;
        }
        return this.#giveUp();
      }
      this.#forms.set(key, form);
      optimizer.count();
      adversary?.count();
      return { names: form.names, values, weight: targetWeight } as StepMetrics & tf.TensorContainerObject;
    });
  }

  /** A form that cannot be recorded: what is wrong, if anything, shows where the step runs by itself. */
  #giveUp(): undefined {
    this.#isCompiled = false;
    return undefined;
  }

  /** Records a step to learn its draws and metrics, and undoes it; nothing is computed. */
  #recorded(tensors: tf.NamedTensorMap): RecordedForm | undefined {
    const { average, adversary, model, optimizer } = this.#parts;
    const parts: RecordedParts<Aux> = { model, optimizer, average, adversary, loss: this.#loss! };
    const draws: StepDraw[] = [];
    const held = holdParts(this.#parts);
    let names: readonly string[] = [];
    const shares = average && { kept: tf.scalar(1), added: tf.scalar(0) };
    try {
      const random = recordingStream([], ({ labels, drawn }) => {
        draws.push({ labels, drawn });
        return tf.zeros([...drawn.shape], drawn.dtype);
      });
      const numbers = { learningRate: tf.scalar(0), adversaryRate: tf.scalar(0), step: tf.scalar(1), shares };
      // Nothing of it may live when the step is compiled, which computes what lives.
      tf.tidy(() => {
        names = Object.keys(recordStep(parts, { batch: tensors, ...numbers, random }));
      });
    } catch {
      return this.#giveUp();
    } finally {
      for (const part of held) {
        part.restore();
        part.dispose();
      }
    }
    const run = compile((...inputs) => {
      const metrics = recordStep(parts, splitInputs(inputs, Object.keys(tensors), draws, parts));
      return [stackMetrics(Object.values(metrics))];
    });
    return { names, draws, arrays: [], run };
  }
}

/** Keeps all that a step changes as it is now, to go back to after a step that failed or is only recorded. */
export function holdParts({ model, optimizer, average, adversary }: HeldParts): Held[] {
  const ofParts = [optimizer, average, adversary].filter((part) => part !== undefined);
  return [new HeldValues([...modelVariables(model).values()]), ...ofParts.map((part) => part.hold())];
}

type HeldParts = Omit<StepParts<never, unknown>, "model"> & { readonly model: ModelVariables };

/** The tensors of a compiled step by what they are: the batch's, the numbers, the draws. */
function splitInputs(
  inputs: readonly tf.Tensor[],
  names: readonly string[],
  draws: readonly StepDraw[],
  { adversary, average }: Pick<RecordedParts<unknown>, "adversary" | "average">,
): RecordedInputs {
  const rest = inputs.slice(names.length);
  const take = () => rest.shift() as tf.Scalar;
  const [learningRate, step] = [take(), take()];
  const adversaryRate = adversary && take();
  const shares: AverageShares<tf.Scalar> | undefined = average && { kept: take(), added: take() };
  const keys = draws.some(isDrawnInGraph) ? (take() as tf.Tensor as tf.Tensor2D) : undefined;
  let [next, nextKey] = [0, 0];
  return {
    batch: Object.fromEntries(names.map((name, i) => [name, inputs[i]!])),
    ...{ learningRate, adversaryRate, step, shares },
    // A layer may dispose what it has drawn.
    random: recordingStream([], (draw) =>
      isDrawnInGraph(draw) ? drawnMask(keys!, nextKey++, draw.drawn) : tf.clone(rest[next++]!),
    ),
  };
}

/** Whether the graph draws, from a key that the host gives. */
function isDrawnInGraph({ drawn: { mask } }: StepDraw): boolean {
  return mask !== undefined && drawsInGraph();
}

/** The draws of one step, those from the same stream one after the other: the keys of all masks, then all others. */
function draw({ draws, arrays }: RecordedForm, random: Random): tf.Tensor[] {
  const streams = new Map<string, Random>();
  const areFree = computesAtOnce();
  const keys: CounterKey[] = [];
  const others: tf.Tensor[] = [];
  for (const [i, step] of draws.entries()) {
    const { labels, drawn } = step;
    const path = JSON.stringify(labels);
    const stream = streams.get(path) ?? labels.reduce<Random>((parent, label) => parent.fork(label), random);
    streams.set(path, stream);
    if (isDrawnInGraph(step)) {
      keys.push(stream.counterKey());
      continue;
    }
    const numbers = drawn.draw(stream, arrays[i]);
    // Taking their memory anew for each step would cost as much as drawing.
    arrays[i] = areFree ? numbers : undefined;
    others.push(uploadOwned(numbers, drawn.shape, drawn.dtype));
  }
  return [...(keys.length > 0 ? [uploadKeys(keys)] : []), ...others];
}

/** Stands for a stream while a step is recorded: forks, and hands on what is to be drawn. Any other use throws. */
function recordingStream(labels: readonly (string | number)[], onDraw: (draw: StepDraw) => tf.Tensor): Random {
  return new Proxy({} as Random, {
    get(_, property) {
      if (property === "fork") {
        return (label: string | number) => recordingStream([...labels, label], onDraw);
      }
      if (property === drawTensor) {
        return (drawn: DrawnTensor) => onDraw({ labels, drawn });
      }
      throw new Error(`A step that draws numbers itself (random.${String(property)}) cannot be recorded.`);
    },
  });
}
