import type { DecodePlan, DenoisePlan, TokenBatch } from "@mmgen/core";
import { computesAtOnce, type TensorFunction } from "@mmgen/nn/layers";
import type * as tf from "@tensorflow/tfjs-core";
import { denoiseGraph } from "../diffusion/denoise-graph.js";
import { checkDenoisePlan, denoiseSettings, runDenoise } from "../diffusion/run-denoise.js";
import type { TransformerNetwork } from "../model/transformer-backbone.js";
import { checkPlan, choiceSettings, inBlocks, runPlan } from "./decode-plan.js";
import { decodeGraph, listDecodeInputs } from "./native-decode.js";

/** Runs whole plans as compiled graphs; keeps the graph for the settings of the last plan. */
export class PlanRunner {
  readonly #network: TransformerNetwork;
  readonly #compile: (fn: TensorFunction) => TensorFunction;
  #noise: WeakRef<Float32Array> | undefined;
  #last: { readonly key: string; readonly run: TensorFunction } | undefined;

  /** @param compile - Compiles a function that reads the network's weights. */
  constructor(network: TransformerNetwork, compile: (fn: TensorFunction) => TensorFunction) {
    this.#network = network;
    this.#compile = compile;
  }

  /** @param bounds - `maxNumbers` of noise, keys and values in memory: 2²⁶ when absent, 256 MiB. */
  async decode(plan: DecodePlan, { maxNumbers = 2 ** 26 } = {}): Promise<TokenBatch> {
    const { contextLength, layers, vocabularySize, width } = this.#network.config;
    checkPlan(plan, vocabularySize, contextLength);
    const settings = choiceSettings(plan);
    const run = this.#graph(settings, () => decodeGraph(this.#network, settings));
    const cached = 2 * layers * width * (plan.prompt.length + plan.steps) * (plan.guidance ? 2 : 1);
    const maxRows = Math.max(1, Math.floor(maxNumbers / (plan.steps * vocabularySize + cached)));
    return inBlocks(plan, maxRows, (block) => {
      const noise = this.#noiseMemory(block.steps * block.prompt.count * vocabularySize);
      return runPlan(block, (inputs) => run(...listDecodeInputs(inputs))[0] as tf.Tensor2D, vocabularySize, noise);
    });
  }

  /** @param bounds - `maxLogits`: 2²² when absent, 16 MiB; `maxNoise`: 2²⁴, 64 MiB. */
  async denoise(plan: DenoisePlan, { maxLogits = 2 ** 22, maxNoise = 2 ** 24 } = {}): Promise<TokenBatch> {
    checkDenoisePlan(plan, this.#network);
    const settings = denoiseSettings(plan);
    const run = this.#graph(settings, () => denoiseGraph(this.#network, settings));
    return runDenoise(plan, run, { vocabularySize: this.#network.config.vocabularySize, maxLogits, maxNoise });
  }

  /** The last plan's, where that has been read: taking tens of megabytes anew costs a third of drawing the noise. */
  #noiseMemory(size: number): Float32Array {
    const last = computesAtOnce() ? this.#noise?.deref() : undefined;
    const memory = last?.length === size ? last : new Float32Array(size);
    this.#noise = new WeakRef(memory);
    return memory;
  }

  #graph(settings: object, build: () => TensorFunction): TensorFunction {
    const key = JSON.stringify(settings);
    if (this.#last?.key !== key) {
      this.#last = { key, run: this.#compile(build()) };
    }
    return this.#last.run;
  }
}
