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
import type { TrainingPictures } from "../training/training-store.js";
import { downloadModel } from "./download-model.js";
import type { ImageStrip } from "./image-strip.js";
import type { LossChart } from "./loss-chart.js";
import type { SessionPanel } from "./session-panel.js";
import { discardStored, readStored, storedModel } from "./stored-training.js";
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

  /** Shows the training that the browser's store has, if there is one, else the form. */
  async restore(): Promise<void> {
    const { form, held, intro } = this.#view;
    // A training that began meanwhile would take the stored one's place.
    form.hidden = true;
    intro.hidden = true;
    try {
      const stored = await readStored();
      if (stored.plan !== undefined && stored.held !== undefined) {
        this.#isStored = true;
        this.#open(stored.plan);
        held.show(stored.held);
        this.#showPictures(stored.pictures);
        this.#showCurves(stored.curves);
        this.#rest(stored.isFinished);
      }
    } catch {
      // Nothing is kept here: a training says so when it begins.
    }
    if (!this.#isStored) {
      this.#show(false);
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
      const { files, plan } = await storedModel();
      await this.#page.useModel(plan.name, files);
      panel.say(`All tabs use “${plan.name}” now.`);
      this.#page.open("draw");
    } catch (error) {
      panel.say((error as Error).message, true);
    }
  }

  async download(): Promise<void> {
    const { panel } = this.#view;
    try {
      const { files, plan } = await storedModel();
      const name = await downloadModel(plan, files);
      panel.say(`${name} has the model, and a README that says how Node loads it.`);
    } catch (error) {
      panel.say((error as Error).message, true);
    }
  }

  async discard(): Promise<void> {
    try {
      await discardStored();
    } catch (error) {
      this.#view.panel.say((error as Error).message, true);
      return;
    }
    this.#isStored = false;
    this.#close();
    this.#view.form.querySelector<HTMLElement>("button[type=submit]")!.focus();
  }

  /** Shows a training in place of the form. */
  #open(plan: TrainingPlan): void {
    this.#show(true);
    this.#setPlan(plan);
    this.#view.panel.say("");
  }

  #setPlan(plan: TrainingPlan): void {
    this.#plan = plan;
    this.#view.origin.textContent = originOf(plan.dataset);
    this.#view.panel.setTitle(plan.name);
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
      panel.say("");
      this.#rest(true);
    } catch (error) {
      if (!isStopped(error)) {
        this.#endWorker();
      }
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

  /** What made a training fail, such as a lost device, may have broken its worker too: the next one has another. */
  #endWorker(): void {
    void this.#client?.then((client) => client.close()).catch(() => undefined);
    this.#client = undefined;
  }

  #hear(event: TrainingEvent): void {
    switch (event.kind) {
      case "begin":
        // Another window may have put another training in the place of the one shown.
        this.#setPlan(event.plan);
        this.#view.held.show(event.held);
        this.#showCurves(event.curves);
        break;
      case "steps":
        this.#hearSteps(event);
        break;
      case "reconstructions":
        this.#showPictures({ reconstructions: event.images });
        break;
      case "samples":
        this.#showPictures({ samples: event });
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

  #showPictures({ reconstructions, samples }: TrainingPictures = {}): void {
    if (reconstructions !== undefined) {
      this.#view.reconstructions.show(reconstructions);
    }
    if (samples !== undefined) {
      this.#view.samples.show(samples.images, samples.captions);
    }
  }

  /** What a training goes on from: its last steps are stored, and may not have been told of. */
  async #showStoredCurves(): Promise<void> {
    try {
      this.#showCurves((await readStored()).curves);
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
