import { registerOnnxBackend } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import "@mmgen/nn/gradients";
import { work } from "./work.js";

/** Prints what {@link work} comes to on onnxruntime-node, as JSON. */
registerOnnxBackend();
await tf.setBackend("onnx");
console.log(JSON.stringify(await work()));
