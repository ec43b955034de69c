import type { DecodePlan, DenoisePlan, TokenBatch } from "@mmgen/core";
import { computesAtOnce, runsLoopsNatively, type TensorFunction } from "@mmgen/nn/layers";
import type * as tf from "@tensorflow/tfjs-core";
import { denoiseGraph } from "../diffusion/denoise-graph.js";
import { checkDenoisePlan, denoiseSettings, runDenoise } from "../diffusion/run-denoise.js";
import type { TransformerNetwork } from "../model/transformer-backbone.js";
import { checkPlan, choiceSettings, inBlocks, type Pause, runPlan } from "./decode-plan.js";
import { type DecodeSettings, decodeGraph, listDecodeInputs } from "./native-decode.js";
import { decodeBySteps, stepGraphs } from "./step-decode.js";

/** Runs a plan of few enough rows; `noise` is memory for its noise, absent where the graph draws it. */
type RunBlock = (block: DecodePlan, vocabularySize: number, noise: Float32Array | undefined) => Promise<TokenBatch>;

/** Runs whole plans as compiled graphs; keeps the graph for the settings of the last plan. */
export class PlanRunner {
  readonly #network: TransformerNetwork;
  readonly #compile: (fn: TensorFunction) => TensorFunction;
  #noise: WeakRef<Float32Array> | undefined;
  #last: { readonly key: string; readonly graphs: object } | undefined;

  /** @param compile - Compiles a function that reads the network's weights. */
  constructor(network: TransformerNetwork, compile: (fn: TensorFunction) => TensorFunction) {
    this.#network = network;
    this.#compile = compile;
  }

  /** @param options - `maxNumbers` of noise, keys and values in memory: 2²⁷ when absent, 512 MiB. */
  async decode(
    plan: DecodePlan,
    { maxNumbers = 2 ** 27, pause }: { readonly maxNumbers?: number; readonly pause?: Pause } = {},
  ): Promise<TokenBatch> {
    const { contextLength, layers, vocabularySize, width } = this.#network.config;
    checkPlan(plan, vocabularySize, contextLength);
    const settings = choiceSettings(plan);
    const cached = 2 * layers * width * (plan.prompt.length + plan.steps) * (plan.guidance ? 2 : 1);
    const maxRows = Math.max(1, Math.floor(maxNumbers / (plan.steps * vocabularySize + cached)));
    const run = runsLoopsNatively() ? this.#inLoops(settings) : this.#bySteps(settings);
    const noiseOf = ({ steps, prompt }: DecodePlan) =>
      settings.drawsNoise ? undefined : this.#noiseMemory(steps * prompt.count * vocabularySize);
    return inBlocks(plan, maxRows, (block) => run(block, vocabularySize, noiseOf(block)), pause);
  }

  /** @param options - `maxLogits`: 2²² when absent, 16 MiB; `maxNoise`: 2²⁴, 64 MiB. */
  async denoise(
    plan: DenoisePlan,
    {
      maxLogits = 2 ** 22,
      maxNoise = 2 ** 24,
      pause,
    }: { readonly maxLogits?: number; readonly maxNoise?: number; readonly pause?: Pause } = {},
  ): Promise<TokenBatch> {
    checkDenoisePlan(plan, this.#network);
    const settings = denoiseSettings(plan);
    const run = this.#graphs(settings, () => this.#compile(denoiseGraph(this.#network, settings)));
    const { vocabularySize } = this.#network.config;
    // Without loops several rounds at once would be one long graph; noise that the graph draws is that of one round.
    const most = settings.drawsNoise ? Number.POSITIVE_INFINITY : maxNoise;
    return runDenoise(plan, run, { vocabularySize, maxLogits, maxNoise: runsLoopsNatively() ? most : 1, pause });
  }

  #inLoops(settings: DecodeSettings): RunBlock {
    const run = this.#graphs(settings, () => this.#compile(decodeGraph(this.#network, settings)));
    return (block, vocabularySize, noise) =>
      runPlan(block, (inputs) => run(...listDecodeInputs(inputs))[0] as tf.Tensor2D, vocabularySize, noise);
  }

  #bySteps(settings: DecodeSettings): RunBlock {
    const graphs = this.#graphs({ ...settings, bySteps: true }, () => {
      const { start, step } = stepGraphs(this.#network, settings);
      return { start: this.#compile(start), step: this.#compile(step) };
    });
    return (block, vocabularySize, noise) => decodeBySteps(block, graphs, vocabularySize, noise);
  }

  /** The last plan's, where that has been read: taking tens of megabytes anew costs a third of drawing the noise. */
  #noiseMemory(size: number): Float32Array {
    const last = computesAtOnce() ? this.#noise?.deref() : undefined;
    const memory = last?.length === size ? last : new Float32Array(size);
    this.#noise = new WeakRef(memory);
    return memory;
  }

  #graphs<Graphs extends object>(settings: object, build: () => Graphs): Graphs {
    const key = JSON.stringify(settings);
    if (this.#last?.key !== key) {
      this.#last = { key, graphs: build() };
    }
    return this.#last.graphs as Graphs;
  }
}
