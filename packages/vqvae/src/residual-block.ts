import * as tf from "@tensorflow/tfjs-core";
import { convolution } from "./convolution-layers.js";
import { normalisation } from "./normalisation-layer.js";
import { type Layer, rectifier, sequence } from "./parameters.js";

/** x + (normalise, rectify, 3×3, normalise, rectify, 1×1)(x). */
export function residualBlock(name: string, channels: number, kind: "batch" | "none"): Layer {
  const branch = sequence(
    normalisation(`${name}.norm1`, channels, kind),
    rectifier,
    convolution(`${name}.conv1`, { inputs: channels, outputs: channels, filter: 3 }),
    normalisation(`${name}.norm2`, channels, kind),
    rectifier,
    convolution(`${name}.conv2`, { inputs: channels, outputs: channels, filter: 1 }),
  );
  return { parameters: branch.parameters, forward: (x, pass) => tf.add(x, branch.forward(x, pass)) };
}
