import { registerOnnxBackend } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import "@mmgen/nn/gradients";
import { trainAndGenerate } from "./train-and-generate.js";

/** Prints the result of {@link trainAndGenerate} on onnxruntime-node as JSON. */
registerOnnxBackend();
await tf.setBackend("onnx");
console.log(JSON.stringify(await trainAndGenerate()));
