import { type CounterKey, maskArrays, type Random } from "@mmgen/core";
import {
  compile,
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
import type { StepContext } from "./training-step.js";

/** What a {@link RecordedForm} is fed with; borrowed. */
export interface FormInputs {
  readonly batch: tf.NamedTensorMap;
  readonly numbers: readonly tf.Scalar[];
  readonly random: Random;
}

/** What a form may change. */
export type HeldParts = Pick<StepContext<never, unknown>, "optimizer" | "average" | "adversary"> & {
  readonly model: ModelVariables;
};

/** A draw: the stream, as the labels that lead to it, and what is drawn from it. */
interface FormDraw {
  readonly labels: readonly (string | number)[];
  readonly drawn: DrawnTensor;
}

/** A function of a batch of one form, of numbers and of draws, which is recorded once and then only fed. */
export class RecordedForm {
  readonly #draws: readonly FormDraw[];
  /** The last draws, to be written again. */
  #arrays: (DrawnNumbers | undefined)[] | undefined;
  readonly #run: TensorFunction;

  private constructor(draws: readonly FormDraw[], run: TensorFunction) {
    this.#draws = draws;
    this.#run = run;
  }

  /**
   * Runs a function once to learn its draws, and undoes what it has changed; nothing is computed.
   *
   * @param parts - What it changes.
   * @param form - `batch`: one of that form; `numbers`: how many it takes.
   * @param body - Gives tensors of its own.
   * @throws what it throws where it reads values, or draws by itself.
   */
  static record(
    parts: HeldParts,
    form: { readonly batch: tf.NamedTensorMap; readonly numbers: number },
    body: (inputs: FormInputs) => tf.Tensor[],
  ): RecordedForm {
    const { batch } = form;
    const draws: FormDraw[] = [];
    const held = holdParts(parts);
    try {
      const random = recordingStream([], ({ labels, drawn }) => {
        draws.push({ labels, drawn });
        return tf.zeros([...drawn.shape], drawn.dtype);
      });
      // Nothing of it may live when it is compiled, which computes what lives.
      tf.tidy(() => {
        body({ batch, numbers: Array.from({ length: form.numbers }, () => tf.scalar(1)), random });
      });
    } finally {
      for (const part of held) {
        part.restore();
        part.dispose();
      }
    }
    const names = Object.keys(batch);
    const run = compile((...inputs) => {
      const drawn = inputs.slice(names.length + form.numbers);
      const keys = draws.some(isDrawnInGraph) ? (drawn.shift() as tf.Tensor2D) : undefined;
      let [next, nextKey] = [0, 0];
      return body({
        batch: Object.fromEntries(names.map((name, i) => [name, inputs[i]!])),
        numbers: inputs.slice(names.length, names.length + form.numbers) as tf.Scalar[],
        // A layer may dispose what it has drawn.
        random: recordingStream([], (draw) =>
          isDrawnInGraph(draw) ? drawnMask(keys!, nextKey++, draw.drawn) : tf.clone(drawn[next++]!),
        ),
      });
    });
    return new RecordedForm(draws, run);
  }

  /** Runs it, within a `tf.tidy`. */
  run(batch: tf.NamedTensorMap, numbers: readonly number[], random?: Random): tf.Tensor[] {
    return this.#run(...Object.values(batch), ...numbers.map((number) => tf.scalar(number)), ...this.#draw(random));
  }

  /** The draws of one run, those from the same stream one after the other: the keys of all masks, then all others. */
  #draw(random: Random | undefined): tf.Tensor[] {
    const streams = new Map<string, Random>();
    const arrays = this.#reusedArrays();
    const keys: CounterKey[] = [];
    const others: tf.Tensor[] = [];
    for (const [i, draw] of this.#draws.entries()) {
      const { labels, drawn } = draw;
      const path = JSON.stringify(labels);
      const stream = streams.get(path) ?? labels.reduce<Random>((parent, label) => parent.fork(label), random!);
      streams.set(path, stream);
      if (isDrawnInGraph(draw)) {
        keys.push(stream.counterKey());
        continue;
      }
      const numbers = drawn.draw(stream, arrays[i]);
      arrays[i] = numbers;
      others.push(uploadOwned(numbers, drawn.shape, drawn.dtype));
    }
    return [...(keys.length > 0 ? [uploadKeys(keys)] : []), ...others];
  }

  /** For each draw what it may write again, if anything: taking memory anew for each step would cost as much as drawing. */
  #reusedArrays(): (DrawnNumbers | undefined)[] {
    if (!computesAtOnce()) {
      return [];
    }
    const isHostMask = (draw: FormDraw) => draw.drawn.mask !== undefined && !isDrawnInGraph(draw);
    if (this.#arrays === undefined) {
      const masks = this.#draws.filter(isHostMask);
      const made = maskArrays(masks.map(({ drawn }) => tf.util.sizeFromShape([...drawn.shape])));
      this.#arrays = this.#draws.map((draw) => (isHostMask(draw) ? made.shift() : undefined));
    }
    return this.#arrays;
  }
}

/** Whether the graph draws, from a key that the host gives. */
function isDrawnInGraph({ drawn: { mask } }: FormDraw): boolean {
  return mask !== undefined && drawsInGraph();
}

/** A batch's form: names, types and shapes. */
export function formOf(batch: tf.NamedTensorMap): string {
  return Object.entries(batch)
    .map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape}`)
    .join(";");
}

/** Keeps all that a step changes as it is now, to go back to after a step that failed or is only recorded. */
export function holdParts({ model, optimizer, average, adversary }: HeldParts): Held[] {
  const ofParts = [optimizer, average, adversary].filter((part) => part !== undefined);
  return [new HeldValues([...modelVariables(model).values()]), ...ofParts.map((part) => part.hold())];
}

/** Stands for a stream while a step is recorded: forks, and hands on what is to be drawn. Any other use throws. */
function recordingStream(labels: readonly (string | number)[], onDraw: (draw: FormDraw) => tf.Tensor): Random {
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
