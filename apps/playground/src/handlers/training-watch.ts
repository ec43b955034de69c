import type { TrainingObserver } from "@mmgen/training";
import { type PartsInTraining, pairMethods, type StageName } from "mmgen";
import { nextTask, type RequestContext } from "../protocol/serve-requests.js";
import type { TrainingEvent } from "../protocol/training-messages.js";
import type { LossCurves, LossPoint, TrainingStage } from "../training/loss-curves.js";
import type { TrainingData } from "../training/training-plan.js";
import type { TrainingPictures } from "../training/training-store.js";

/** Milliseconds between two messages about steps. */
const betweenSteps = 200;
/** Milliseconds between two looks at images, at least; and how many times as long as a look takes. */
const betweenLooks = 1500;
const workPerLook = 12;
/** Steps whose times tell the speed. */
const recentSteps = 20;
const sampleCount = 6;

/** Tells the page of a training: losses, speed, and now and then what the model shows by now. */
export class TrainingWatch {
  readonly #context: RequestContext<TrainingEvent>;
  readonly #data: TrainingData;
  readonly #captions: readonly string[];
  readonly #curves: Record<TrainingStage, LossPoint[]>;
  #pictures: TrainingPictures;

  /** @param from - `curves`, `pictures`: losses of the steps before a resume, and what the model showed then. */
  constructor(
    context: RequestContext<TrainingEvent>,
    from: {
      readonly data: TrainingData;
      readonly curves: LossCurves | undefined;
      readonly pictures: TrainingPictures | undefined;
    },
  ) {
    this.#context = context;
    this.#data = from.data;
    this.#captions = sampledCaptions(from.data);
    this.#pictures = from.pictures ?? {};
    this.#curves = { vqvae: [...(from.curves?.vqvae ?? [])], transformer: [...(from.curves?.transformer ?? [])] };
  }

  /** Losses so far. */
  get curves(): LossCurves {
    return this.#curves;
  }

  /** What the model showed last. */
  get pictures(): TrainingPictures {
    return this.#pictures;
  }

  /** Looks once more where a pause has kept the last look of a training from it. */
  async end(model: PartsInTraining): Promise<void> {
    if (this.#pictures.samples === undefined) {
      await this.#look(model);
    }
  }

  /** Watches a stage. */
  observer(name: StageName, parts: PartsInTraining): TrainingObserver {
    const stage: TrainingStage = name === "transformer" ? "transformer" : "vqvae";
    const { signal, tell } = this.#context;
    const curve = this.#curves[stage];
    const seconds: number[] = [];
    let told = 0;
    let toldAt = Number.NEGATIVE_INFINITY;
    let nextLook = 0;
    return {
      onStart: ({ step }) => {
        // Steps after the stored state are taken once more.
        curve.splice(step);
        told = curve.length;
      },
      onStep: async ({ loss, seconds: taken, step }, { totalSteps }) => {
        curve.push({ step, loss });
        seconds.push(taken);
        seconds.splice(0, seconds.length - recentSteps);
        const isLast = step === totalSteps;
        if (isLast || performance.now() - toldAt > betweenSteps) {
          const points = curve.slice(told);
          told = curve.length;
          await tell({ kind: "steps", stage, points, totalSteps, stepsPerSecond: 1 / median(seconds) });
          toldAt = performance.now();
        } else {
          // Lets a request to pause come in.
          await nextTask();
        }
        if (!signal.aborted && (isLast || performance.now() > nextLook)) {
          const start = performance.now();
          await this.#look(parts);
          const end = performance.now();
          nextLook = end + Math.max(betweenLooks, workPerLook * (end - start));
        }
      },
    };
  }

  async #look({ tokenizer, transformer, vqvae }: PartsInTraining): Promise<void> {
    // A pause may have kept the last look at the codec.
    if (transformer === undefined || this.#pictures.reconstructions === undefined) {
      await this.#lookAtCodec(vqvae);
    }
    if (transformer === undefined) {
      return;
    }
    const sampling = { temperature: 0.8, topP: 0.9, seed: 1 };
    const methods = pairMethods({ tokenizer, transformer, vqvae });
    const images =
      this.#captions.length > 0
        ? await methods.draw(this.#captions, sampling)
        : (await methods.invent(sampleCount, sampling)).images;
    const samples = { images, captions: this.#captions };
    this.#pictures = { ...this.#pictures, samples };
    await this.#context.tell({ kind: "samples", ...samples });
  }

  async #lookAtCodec(vqvae: PartsInTraining["vqvae"]): Promise<void> {
    if (this.#data.held.count > 0) {
      const images = await vqvae.reconstruct(this.#data.held);
      this.#pictures = { ...this.#pictures, reconstructions: images };
      await this.#context.tell({ kind: "reconstructions", images });
    }
  }
}

/** Different captions, or classes, from all over the data. */
function sampledCaptions({ captions, classes }: TrainingData): readonly string[] {
  const all = [...new Set(classes?.names ?? captions ?? [])];
  const count = Math.min(sampleCount, all.length);
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
