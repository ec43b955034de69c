import { PassThrough } from "node:stream";
import { ProgressReporter, RunFolder } from "@mmgen/example-harness";
import { presets, type RunSettings } from "./config.js";
import { command, type VlmRun } from "./pipeline.js";

/** The smallest settings that still do everything, on procedural digits. */
export const tinySettings: RunSettings = {
  preset: "smoke",
  config: {
    data: { trainCount: 128, validationCount: 16, testCount: 20 },
    vqvae: { ...presets.smoke.vqvae, hidden: [16], batchSize: 64, warmUpSteps: 0 },
    transformer: { ...presets.smoke.transformer, width: 16, layers: 1, steps: 5, batchSize: 32, checkpoints: [2] },
    sampling: { temperature: 0.5, topP: 0.8 },
    evaluation: { drawnPerDigit: 1, shownPerDigit: 1, classifierSteps: 2, embedded: 20 },
  },
  data: "procedural",
  seed: 3,
};

/** A run in a folder that prints nothing. */
export function quietRun(out: string, change: Partial<VlmRun> = {}): VlmRun {
  return {
    settings: tinySettings,
    folder: new RunFolder(out, "unused", command),
    dataDir: undefined,
    resume: false,
    force: false,
    backend: "onnx",
    progress: new ProgressReporter(new PassThrough().resume()),
    observers: [],
    signal: new AbortController().signal,
    ...change,
  };
}
