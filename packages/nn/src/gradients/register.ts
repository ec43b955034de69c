import { KernelError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { convolutionRules } from "./convolutions.js";
import { elementwiseRules } from "./elementwise.js";
import { indexingRules } from "./indexing.js";
import { correctKernelInputs } from "./kernel-inputs.js";
import { movementRules } from "./movement.js";
import { normalizationRules } from "./normalization.js";
import { poolingRules } from "./pooling.js";
import { productRules } from "./products.js";
import { reductionRules } from "./reductions.js";
import { resizingRules } from "./resizing.js";
import { zeroSlopeRules } from "./zero-slopes.js";

/** The rules that replace tfjs-core's, or that tfjs-core lacks. */
export const correctedRules: readonly tf.GradConfig[] = [
  ...elementwiseRules,
  ...zeroSlopeRules,
  ...reductionRules,
  ...productRules,
  ...movementRules,
  ...indexingRules,
  ...convolutionRules,
  ...poolingRules,
  ...resizingRules,
  ...normalizationRules,
];

/** Registers {@link correctedRules} with the one engine, in place of what is registered. */
export function registerCorrectedRules(): void {
  for (const config of correctedRules) {
    if (tf.getGradient(config.kernelName) !== undefined) {
      // tfjs warns, in debug mode, of a rule that is registered over another.
      tf.unregisterGradient(config.kernelName);
    }
    tf.registerGradient(config);
  }
}

/** The backends of TensorFlow.js and of this project. */
const backends = ["cpu", "webgl", "webgpu", "wasm", "tensorflow", "onnx"];
const hook = "MmgenGradients";

/**
 * Registers the rules again whenever a backend is chosen: `@tensorflow/tfjs` and `@tensorflow/tfjs-node` register
 * tfjs-core's own as they are imported, which may be later than this.
 *
 * tfjs calls a kernel's `setupFunc` when its backend is chosen, so the hook stands among the kernels.
 */
export function keepRegistered(): void {
  for (const backendName of backends) {
    if (tf.getKernel(hook, backendName) === undefined) {
      tf.registerKernel({
        kernelName: hook,
        backendName,
        setupFunc: () => {
          registerCorrectedRules();
          correctKernelInputs(backendName);
        },
        kernelFunc: () => {
          throw new KernelError(`"${hook}" registers gradients when a backend is chosen. It computes nothing.`);
        },
      });
    }
  }
}
