import { type CounterKey, counterMask, type MaskDraw, type Random, RepeatedMasks } from "@mmgen/core";
import {
  compile,
  computesAtOnce,
  type DrawnNumbers,
  type DrawnTensor,
  drawnMask,
  drawTensor,
  feedsTravel,
  readsSharedMemory,
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
  /** The labels as text, which names the stream. */
  readonly path: string;
  readonly labels: readonly (string | number)[];
  readonly drawn: DrawnTensor;
}

/** A function of a batch of one form, of numbers and of draws, which is recorded once and then only fed. */
export class RecordedForm {
  readonly #draws: readonly FormDraw[];
  /** Streams from which masks are drawn. */
  readonly #pathsOfMasks: ReadonlySet<string>;
  /** What draws the masks that the host draws, where it may write into the same arrays again. */
  #masks: RepeatedMasks | undefined;
  /** Other numbers that were drawn last, to be written again there too. */
  readonly #numbers: DrawnNumbers[] = [];
  readonly #run: TensorFunction;

  private constructor(draws: readonly FormDraw[], run: TensorFunction) {
    this.#draws = draws;
    this.#pathsOfMasks = new Set(draws.filter(({ drawn }) => drawn.mask !== undefined).map(({ path }) => path));
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
      const random = recordingStream([], (draw) => {
        draws.push(draw);
        return tf.zeros([...draw.drawn.shape], draw.drawn.dtype);
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

  /**
   * Runs it, within a `tf.tidy`.
   *
   * @param random - For its draws.
   * @param next - The one of the next run, where it is known: masks are then drawn ahead while this run computes.
   */
  run(batch: tf.NamedTensorMap, numbers: readonly number[], random?: Random, next?: Random): tf.Tensor[] {
    const drawn = this.#draw(random, { drawsAhead: next !== undefined });
    if (next !== undefined) {
      this.#drawAhead(next);
    }
    return this.#run(...Object.values(batch), ...numbers.map((number) => tf.scalar(number)), ...drawn);
  }

  dispose(): void {
    this.#masks?.dispose();
  }

  /** The draws of one run: the keys of all masks that the graph draws, then all others. */
  #draw(random: Random | undefined, { drawsAhead }: { readonly drawsAhead: boolean }): tf.Tensor[] {
    const found = this.#draws.length > 0 ? this.#keysAndNumbers(random!) : [];
    const masks = computesAtOnce() ? this.#repeated(drawsAhead)?.take(this.#hostMasks(found)).values() : undefined;
    const keys: CounterKey[] = [];
    const others: tf.Tensor[] = [];
    for (const [i, draw] of this.#draws.entries()) {
      const { dtype, mask, shape } = draw.drawn;
      if (isDrawnInGraph(draw)) {
        keys.push(found[i] as CounterKey);
      } else if (mask === undefined) {
        const numbers = found[i] as DrawnNumbers;
        if (computesAtOnce()) {
          this.#numbers[i] = numbers;
        }
        others.push(uploadOwned(numbers, shape, dtype));
      } else {
        const bytes = masks?.next().value ?? counterMask(found[i] as CounterKey, mask, new Uint8Array(sizeOf(draw)));
        others.push(uploadOwned(bytes, shape, dtype));
      }
    }
    return [...(keys.length > 0 ? [uploadKeys(keys)] : []), ...others];
  }

  /** Has the masks of the next run drawn while this one computes. */
  #drawAhead(next: Random): void {
    if (this.#masks !== undefined) {
      this.#masks.expect(this.#hostMasks(this.#keysAndNumbers(next, { ofMasksAlone: true })));
    }
  }

  /**
   * Of each draw the key of its mask, or its numbers; those from the same stream one after the other.
   *
   * @param options - `ofMasksAlone`: leaves streams out from which no mask is drawn.
   */
  #keysAndNumbers(random: Random, { ofMasksAlone = false } = {}): (CounterKey | DrawnNumbers | undefined)[] {
    const streams = new Map<string, Random>();
    return this.#draws.map(({ drawn, labels, path }, i) => {
      if (ofMasksAlone && !this.#pathsOfMasks.has(path)) {
        return undefined;
      }
      const stream = streams.get(path) ?? labels.reduce<Random>((parent, label) => parent.fork(label), random);
      streams.set(path, stream);
      return drawn.mask ? stream.counterKey() : drawn.draw(stream, ofMasksAlone ? undefined : this.#numbers[i]);
    });
  }

  /** What the host is to draw masks of. */
  #hostMasks(found: readonly (CounterKey | DrawnNumbers | undefined)[]): MaskDraw[] {
    const keys = found.filter((_, i) => isHostMask(this.#draws[i]!)) as CounterKey[];
    return this.#draws.filter(isHostMask).map(({ drawn }, i) => ({ key: keys[i]!, share: drawn.mask! }));
  }

  /** Taking memory anew for each step would cost as much as drawing. */
  #repeated(drawsAhead: boolean): RepeatedMasks | undefined {
    const masks = this.#draws.filter(isHostMask);
    if (masks.length > 0) {
      this.#masks ??= new RepeatedMasks(masks.map(sizeOf), { ahead: drawsAhead && readsSharedMemory() });
    }
    return this.#masks;
  }
}

function sizeOf({ drawn: { shape } }: FormDraw): number {
  return tf.util.sizeFromShape([...shape]);
}

/** Whether the graph draws, from a key that the host gives. */
function isDrawnInGraph({ drawn: { mask } }: FormDraw): boolean {
  return mask !== undefined && feedsTravel();
}

/** Whether the host draws the mask. */
function isHostMask(draw: FormDraw): boolean {
  return draw.drawn.mask !== undefined && !isDrawnInGraph(draw);
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
        return (drawn: DrawnTensor) => onDraw({ path: JSON.stringify(labels), labels, drawn });
      }
      throw new Error(`A step that draws numbers itself (random.${String(property)}) cannot be recorded.`);
    },
  });
}
