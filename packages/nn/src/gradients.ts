/**
 * Registers the gradients of TensorFlow.js's operations (add, matMul, reshape, …), for its side effect.
 *
 * `@tensorflow/tfjs-core` alone knows no gradients, and `tf.grad` on it throws. Those of tfjs-core itself come first;
 * where they are wrong or missing, corrected rules replace them, on every backend: docs/gradients.md lists them.
 * The index of this package imports this file, so whoever uses a layer has them; importing it twice changes nothing.
 */
// The peer first: it makes the one engine, whose tensors the rules below compute with.
import "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { keepRegistered, registerCorrectedRules } from "./gradients/register.js";

registerCorrectedRules();
keepRegistered();
