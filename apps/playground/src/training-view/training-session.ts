import type { TrainingEvent, TrainParams } from "../protocol/training-messages.js";
import { isStopped, type WorkerClient } from "../protocol/worker-client.js";
import type { Page } from "../shell/tab.js";
import {
  type LossCurves,
  type LossPoint,
  type TrainingStage,
  timeSpan,
  trainingStages,
} from "../training/loss-curves.js";
import { originOf } from "../training/origin.js";
import type { TrainingPlan } from "../training/training-plan.js";
import { TrainingStore } from "../training/training-store.js";
import { downloadModel } from "./download-model.js";
import type { ImageStrip } from "./image-strip.js";
import type { LossChart } from "./loss-chart.js";
import type { SessionPanel } from "./session-panel.js";
import type { TrainingForm } from "./training-form.js";

/** What a training is shown by. */
export interface TrainingView {
  readonly form: HTMLElement;
  /** Stands beside the form. */
  readonly intro: HTMLElement;
  /** Says what went wrong before a training began. */
  readonly problem: HTMLElement;
  readonly panel: SessionPanel;
  readonly results: HTMLElement;
  readonly charts: Readonly<Record<TrainingStage, LossChart>>;
  readonly held: ImageStrip;
  readonly reconstructions: ImageStrip;
  readonly samples: ImageStrip;
  /** Says whose work the images are made of. */
  readonly origin: HTMLElement;
}

const stageTitles: Readonly<Record<TrainingStage, string>> = { vqvae: "image codec", transformer: "transformer" };

/** The page's one training: begun, paused, gone on with, also after a reload, and used. */
export class TrainingSession {
  readonly #page: Page;
  readonly #view: TrainingView;
  #client: Promise<WorkerClient> | undefined;
  #controller: AbortController | undefined;
  #plan: TrainingPlan | undefined;
  /** Whether the browser's store has what is shown. */
  #isStored = false;
  #curves: Record<TrainingStage, readonly LossPoint[]> = { vqvae: [], transformer: [] };

  constructor(page: Page, view: TrainingView) {
    this.#page = page;
    this.#view = view;
  }

  /** Shows the training that the browser's store has, if there is one. */
  async restore(): Promise<void> {
    try {
      const [plan, curves, model, held] = await withStore(
        async (store) =>
          [
            await store.read("plan"),
            await store.read("curves"),
            await store.read("model"),
            await store.read("held"),
          ] as const,
      );
      if (plan !== undefined && held !== undefined) {
        this.#isStored = true;
        this.#open(plan);
        this.#view.held.show(held);
        this.#showCurves(curves);
        this.#rest(model !== undefined);
      }
    } catch {
      // Nothing is kept here: a training says so when it begins.
    }
  }

  /** Begins what the form says. */
  async start(form: TrainingForm): Promise<void> {
    const plan = form.plan();
    this.#open(plan);
    this.#showCurves(undefined);
    await this.#run(async (signal) => {
      const data = await form.data((text) => this.#view.panel.setProgress(0, text), signal);
      return { begin: { plan, data } };
    });
  }

  pause(): void {
    this.#view.panel.setState("pausing");
    this.#view.panel.say("Pausing …");
    this.#controller?.abort();
  }

  async goOn(): Promise<void> {
    await this.#run(async () => ({}));
  }

  /** Loads the trained model for all tabs. */
  async use(): Promise<void> {
    const { panel } = this.#view;
    try {
      const files = await storedModel();
      await this.#page.useModel(this.#plan!.name, files);
      panel.say(`All tabs use “${this.#plan!.name}” now.`);
      this.#page.open("draw");
    } catch (error) {
      panel.say((error as Error).message, true);
    }
  }

  async download(): Promise<void> {
    const { panel } = this.#view;
    try {
      const name = await downloadModel(this.#plan!, await storedModel());
      panel.say(`${name} has the model, and a README that says how Node loads it.`);
    } catch (error) {
      panel.say((error as Error).message, true);
    }
  }

  async discard(): Promise<void> {
    await withStore((store) => store.clear());
    this.#isStored = false;
    this.#close();
    this.#view.form.querySelector<HTMLElement>("button[type=submit]")!.focus();
  }

  /** Shows a training in place of the form. */
  #open(plan: TrainingPlan): void {
    const { origin, panel } = this.#view;
    this.#plan = plan;
    origin.textContent = originOf(plan.dataset);
    this.#show(true);
    panel.setTitle(plan.name);
    panel.say("");
  }

  /** Back to the form. @param sentence - What went wrong, if anything. */
  #close(sentence = ""): void {
    this.#show(false);
    this.#view.problem.textContent = sentence;
  }

  #show(isTraining: boolean): void {
    const { form, held, intro, panel, problem, reconstructions, results, samples } = this.#view;
    form.hidden = isTraining;
    intro.hidden = isTraining;
    panel.root.hidden = !isTraining;
    results.hidden = !isTraining;
    problem.textContent = "";
    for (const strip of [held, reconstructions, samples]) {
      strip.clear();
    }
  }

  /** @param prepare - Makes what the worker is asked for; it begins a new training where it gives one. */
  async #run(prepare: (signal: AbortSignal) => Promise<TrainParams>): Promise<void> {
    const { panel } = this.#view;
    const controller = new AbortController();
    this.#controller = controller;
    let isStored = this.#isStored;
    panel.setState("running");
    panel.say("");
    panel.setProgress(this.#share(), "Starting …");
    try {
      const [client, params] = await Promise.all([this.#start(), prepare(controller.signal)]);
      const onEvent = (event: TrainingEvent) => {
        isStored = true;
        this.#hear(event);
      };
      await client.request("train", params, { signal: controller.signal, onEvent });
      this.#rest(true);
    } catch (error) {
      const sentence = isStopped(error) ? undefined : (error as Error).message;
      if (isStored) {
        await this.#showStoredCurves();
        this.#rest(false);
        panel.say(sentence ?? "Paused. It goes on from here, also after a reload.", sentence !== undefined);
      } else {
        this.#close(sentence);
      }
    } finally {
      this.#controller = undefined;
      this.#isStored = isStored;
    }
  }

  /** The worker of the training, begun once. */
  #start(): Promise<WorkerClient> {
    this.#client ??= (async () => {
      const client = this.#page.createClient();
      const { gigaflops, notes, title } = await client.request("start", { choice: "auto", purpose: "train" });
      const why = notes.length > 0 ? ` ${notes.join(" ")}` : "";
      this.#view.panel.setEngine(`Trains by ${title}, ${gigaflops.toFixed(1)} GFLOP/s in small products.${why}`);
      return client;
    })();
    this.#client.catch(() => {
      this.#client = undefined;
    });
    return this.#client;
  }

  #hear(event: TrainingEvent): void {
    const { held, reconstructions, samples } = this.#view;
    switch (event.kind) {
      case "begin":
        held.show(event.held);
        this.#showCurves(event.curves);
        break;
      case "steps":
        this.#hearSteps(event);
        break;
      case "reconstructions":
        reconstructions.show(event.images);
        break;
      case "samples":
        samples.show(event.images, event.captions);
        break;
    }
  }

  #hearSteps({ points, stage, stepsPerSecond, totalSteps }: Extract<TrainingEvent, { kind: "steps" }>): void {
    const curve = [...this.#curves[stage].filter(({ step }) => step < points[0]!.step), ...points];
    this.#curves = { ...this.#curves, [stage]: curve };
    this.#view.charts[stage].show(curve, totalSteps);
    const { step } = curve.at(-1)!;
    const place = `${trainingStages.indexOf(stage) + 1} of 2, ${stageTitles[stage]}: step ${step} of ${totalSteps}`;
    const speed = `${stepsPerSecond.toPrecision(2)} steps/s`;
    const left = step < totalSteps ? `, about ${timeSpan((totalSteps - step) / stepsPerSecond)} left in this part` : "";
    this.#view.panel.setProgress(this.#share(), `Part ${place}. ${speed}${left}.`);
  }

  /** What a training goes on from: its last steps are stored, and may not have been told of. */
  async #showStoredCurves(): Promise<void> {
    try {
      this.#showCurves(await withStore((store) => store.read("curves")));
    } catch {
      // What was told of is shown already.
    }
  }

  #showCurves(curves: LossCurves = { vqvae: [], transformer: [] }): void {
    const { codecSteps, transformerSteps } = this.#plan!;
    this.#curves = { ...curves };
    this.#view.charts.vqvae.show(curves.vqvae, codecSteps);
    this.#view.charts.transformer.show(curves.transformer, transformerSteps);
  }

  /** Nothing runs. */
  #rest(isFinished: boolean): void {
    const { panel } = this.#view;
    const { codecSteps, transformerSteps } = this.#plan!;
    const { transformer, vqvae } = this.#curves;
    panel.setState(isFinished ? "finished" : "paused");
    const done = `${vqvae.length} of ${codecSteps} steps of the image codec and ${transformer.length} of ${transformerSteps} of the transformer are done.`;
    panel.setProgress(
      isFinished ? 1 : this.#share(),
      isFinished ? "The model is trained, and kept in this browser." : done,
    );
  }

  /** Share of all steps. */
  #share(): number {
    const { codecSteps, transformerSteps } = this.#plan!;
    return (this.#curves.vqvae.length + this.#curves.transformer.length) / (codecSteps + transformerSteps);
  }
}

async function withStore<Result>(work: (store: TrainingStore) => Promise<Result>): Promise<Result> {
  const store = await TrainingStore.open();
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

async function storedModel(): Promise<ReadonlyMap<string, Uint8Array>> {
  const model = await withStore((store) => store.read("model"));
  if (model === undefined) {
    throw new Error("The trained model is no longer in this browser's store. Train it again.");
  }
  return model;
}
